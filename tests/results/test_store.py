"""What is stored is whole or absent, whatever happens to the writer; a folder that cannot be written is one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import python

from bench.errors import UserError
from bench.results import query
from bench.results.store import Store, load
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining

CellMaker = Callable[..., StoredLeak]
FACTS = {"labels": {"attack": "idlg", "data": "cifar10", "model": "lenet", "defense": "none", "threat": "B"}}
# Appends victims 0 and 1 with an image each; exits the hard way before or after the n-th rename.
WRITER = """
    import os, sys
    import numpy as np
    from bench.results.store import load
    from bench.results.stored_leak import StoredLeak
    from pathlib import Path

    folder, stop, when = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    real, count = os.replace, 0

    def replace(source, target):
        global count
        count += 1
        if count == stop and when == "before":
            os._exit(9)
        real(source, target)
        if count == stop and when == "after":
            os._exit(9)

    os.replace = replace
    victims = [{"victim": i, "status": "converged", "batch_size": 1} for i in range(2)]
    samples = [{"victim": i, "position": 0, "sample": i, "label": 1, "label_guess": 1, "mse": 0.5} for i in range(2)]
    image = np.full((2, 1, 1, 4, 4), 0.5)
    load(folder, StoredLeak).append(victims, samples, {"ids": np.arange(2), "truth": image, "guess": image})
"""


def run_writer(cell: StoredLeak, stop: int, when: str) -> int:
    process = python(WRITER, cell.folder, stop, when)
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize(
    ("stop", "when"),
    [
        (1, "before"),
        (3, "after"),
        pytest.param(1, "after", marks=pytest.mark.slow),
        pytest.param(2, "before", marks=pytest.mark.slow),
        pytest.param(2, "after", marks=pytest.mark.slow),
        pytest.param(3, "before", marks=pytest.mark.slow),
    ],
)
def test_a_killed_writer_leaves_all_or_nothing(make_cell: CellMaker, stop: int, when: str) -> None:
    """Images, samples, victims are renamed in this order; only after the third do victims count as done."""
    cell = make_cell()
    assert run_writer(cell, stop, when) == 9
    whole = (stop, when) == (3, "after")
    stored = query.rows(cell)
    assert cell.done() == ({0, 1} if whole else set())
    assert stored.samples.num_rows == (2 if whole else 0)
    assert len(query.images(cell)) == (2 if whole else 0)
    assert stored.warnings == []
    assert run_writer(cell, 0, "never") == 0
    assert cell.done() == {0, 1}
    assert query.samples(cell)["mse"].to_pylist() == [0.5, 0.5]


def test_a_cell_is_described_and_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    cell = store.cell(StoredLeak, "idlg cifar/10", "0123456789abcdef", {**FACTS, "control": False})
    assert cell.folder == tmp_path / "cells" / "leak-idlg-cifar-10-0123456789abcdef"
    record = json.loads((cell.folder / "cell.json").read_text())
    assert (record["schema"], record["kind"]) == (2, "leak")
    assert record["facts"]["labels"]["attack"] == "idlg"
    again = store.cell(StoredLeak, "another slug", "0123456789abcdef", {**FACTS, "control": True})
    assert (again.folder, again.created) == (cell.folder, cell.created)
    assert load(cell.folder, StoredLeak).facts["control"] is True
    assert [path.name for path in (tmp_path / "cells").iterdir()] == [cell.folder.name]


@pytest.mark.parametrize(("identity", "facts"), [("xyz", FACTS), ("0123456789abcdef", {"labels": {"attack": "idlg"}})])
def test_a_cell_without_identity_or_labels_is_refused(tmp_path: Path, identity: str, facts: dict) -> None:
    with pytest.raises(ValueError, match=r"identity|lacks data, model, defense, threat"):
        Store(tmp_path).cell(StoredLeak, "a", identity, facts)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError) as caught:
            Store(root).cell(StoredLeak, "a", "0123456789abcdef", FACTS)
        assert str(root) in str(caught.value)
        assert "results=DIR" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/sys").is_dir(), reason="needs a file system that refuses new files")
def test_a_read_only_file_system_is_one_line() -> None:
    with pytest.raises(UserError, match="cannot write /proc/sys"):
        Store(Path("/proc/sys")).check()


def test_a_lost_folder_is_one_line_and_leaves_nothing(make_cell: CellMaker) -> None:
    cell = make_cell()
    cell.parts.rmdir()
    with pytest.raises(UserError, match="cannot write"):
        cell.append([{"victim": 0, "status": "converged", "batch_size": 1}], [])
    assert [path.name for path in cell.folder.iterdir()] == ["cell.json"]


def test_a_cell_of_another_schema_is_one_line(make_cell: CellMaker, tmp_path: Path) -> None:
    path = make_cell().folder / "cell.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 0'))
    with pytest.raises(UserError, match="it has schema 0, this version reads schema 2; move it away"):
        Store(tmp_path).cell(StoredLeak, "a", "0123456789abcdef", FACTS)


APPENDER = """
    import sys
    from pathlib import Path
    from bench.results.store import Store
    from bench.results.stored_leak import StoredLeak

    root, start, words = Path(sys.argv[1]), int(sys.argv[2]), ("attack", "data", "model", "defense", "threat")
    cell = Store(root).cell(StoredLeak, "a", "0123456789abcdef", {"labels": dict.fromkeys(words, "x")})
    for i in range(start, start + 10):
        sample = {"victim": i, "position": 0, "sample": 0, "label": 0, "label_guess": 0}
        cell.append([{"victim": i, "status": "converged", "batch_size": 1}], [sample])
"""


def test_processes_write_beside_each_other(tmp_path: Path) -> None:
    writers = [python(APPENDER, tmp_path, start) for start in (0, 10, 20)]
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    (cell,) = query.cells(tmp_path).cells
    assert cell.done() == set(range(30))
    assert query.rows(cell).warnings == []
    assert [path.name for path in (tmp_path / "cells").iterdir()] == [cell.folder.name]


def test_a_record_is_json_whatever_the_config_says(make_cell: CellMaker) -> None:
    """Other readers than Python's stop at NaN; the same facts once more do not change the record."""

    def no_json(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    config = {"attack": {"lr": float("nan"), "steps": [float("inf"), -float("inf"), 0.5]}}
    cell = make_cell(config=config)
    path = cell.folder / "cell.json"
    record = json.loads(path.read_text(), parse_constant=no_json)
    assert record["facts"]["config"]["attack"] == {"lr": "nan", "steps": ["inf", "-inf", 0.5]}
    before = path.stat().st_mtime_ns
    make_cell(config=config)
    assert path.stat().st_mtime_ns == before


def test_a_folders_name_has_a_length_that_file_systems_take(tmp_path: Path) -> None:
    """Of any words: with identity, ending and the sign of a temporary file; cells with one beginning stay apart."""
    words = "idlg-mnist-lenet (checkpoint=" + "x" * 4000
    for number in range(2):
        labels = {**FACTS["labels"], "model": words}
        cell = Store(tmp_path).cell(StoredLeak, f"{words}{number})", f"{number:016x}", {"labels": labels})
        assert len(cell.folder.name) <= 100 and cell.folder.name.endswith(f"-{number:016x}")
        assert load(cell.folder, StoredLeak).facts["labels"]["model"] == words
    store = Store(tmp_path)
    facts = {"labels": dict.fromkeys(("data", "model", "defense", "training"), words)}
    config = {"model": {}, "training": {}, "defense": {}, "seed": 0}
    assert len(store.cell(StoredTraining, words, "0" * 16, {**facts, "config": config}).folder.name) <= 100
