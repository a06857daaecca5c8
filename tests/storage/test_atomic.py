"""A file is there whole or not at all, whoever interrupts the writing, and the message says which setting to change."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import Unwritable
from bench.storage.atomic import aside, write_bytes, write_text


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, "old")
    with aside(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old" and temporary.parent == tmp_path and temporary.name.startswith(".")
    assert path.read_text() == "new" and names(tmp_path) == {"a.json"}


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, "old")

    def broken() -> None:
        with aside(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert path.read_text() == "old" and names(tmp_path) == {"a.json"}


def test_a_process_that_is_killed_leaves_no_half_file_under_the_name(tmp_path: Path) -> None:
    code = """if True:
        import os, signal, sys
        from pathlib import Path
        from bench.storage.atomic import aside
        with aside(Path(sys.argv[1])) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.json")])
    assert run.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.json").exists()
    assert all(name.startswith(".a.json.") for name in names(tmp_path))  # what readers of results ignore


def test_a_file_that_has_the_content_already_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_bytes(path, b"same")
    os.utime(path, (0, 0))
    write_bytes(path, b"same")
    assert path.stat().st_mtime == 0
    write_bytes(path, b"Same")
    assert path.stat().st_mtime > 0 and path.read_bytes() == b"Same"


def test_a_link_is_replaced_and_its_target_is_not_written(tmp_path: Path) -> None:
    target, path = tmp_path / "thesis.tex", tmp_path / "a.json"
    target.write_text("years of work")
    path.symlink_to(target)
    write_text(path, "years of work")  # the same content is no reason to keep a link
    assert not path.is_symlink() and target.read_text() == "years of work"


def test_line_ends_and_letters_are_kept(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "ε\r\nb\n")
    assert (tmp_path / "a").read_bytes() == "ε\r\nb\n".encode()


@pytest.mark.parametrize(("given", "said"), [((), "results=DIR"), (("paths.weights",), "paths.weights=DIR")])
def test_a_folder_that_cannot_be_written_is_one_line_with_the_setting(
    tmp_path: Path, given: tuple[str, ...], said: str
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match=r"cannot write .*Not a directory.*another folder with") as caught:
        write_bytes(tmp_path / "file" / "a", b"x", *given)
    assert str(caught.value).endswith(said) and "\n" not in str(caught.value)
