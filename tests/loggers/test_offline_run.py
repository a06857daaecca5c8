"""A run of W&B that is not whole on disk is noticed, whatever part of it is lacking."""

import shutil
from pathlib import Path

import pytest
import wandb

from bench.loggers.offline_run import fault, settled_fault


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a real offline run with many records, so that it fills more than one block, and a table."""
    folder = tmp_path_factory.mktemp("offline")
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True)
    run = wandb.init(mode="offline", dir=str(folder), project="leakbench", settings=settings)
    for step in range(400):
        run.log({f"objective/victim_{victim}": step / (1 + victim) for victim in range(4)})
    run.log({"table": wandb.Table(columns=["victim"], data=[[0], [1]])})
    run.finish()
    file = Path(run.settings.sync_file)
    assert settled_fault(file) is None
    return file


@pytest.fixture
def file(written: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(written.parent, tmp_path / "run")
    return tmp_path / "run" / written.name


def test_a_whole_run_is_whole(file: Path) -> None:
    assert file.stat().st_size > 2 * 32_768 and fault(file) is None


def test_wherever_it_is_cut_off_it_is_not_whole(file: Path) -> None:
    """In the header, in the head of a record, within one, at the end of a block: a full disk chooses."""
    content = file.read_bytes()
    for length in (0, 3, 7, 10, 100, 4_096, 8_192, 32_768, 32_770, 65_536, len(content) - 1):
        file.write_bytes(content[:length])
        assert fault(file), length


def test_a_block_that_was_never_written_is_a_fault(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:32_768] + bytes(32_768) + content[65_536:])
    assert fault(file)
    file.write_bytes(content[:32_768] + content[65_536:])
    assert fault(file)


def test_what_the_run_names_has_to_be_there(file: Path) -> None:
    (table,) = file.parent.glob("files/media/table/*.json")
    table.unlink()
    assert fault(file) == f"{table.name} is missing or cut off"
    file.unlink()
    assert fault(file) == "no such file or directory"
