"""A row says where its figures come from, and stands where its results put it."""

import random
from pathlib import Path
from typing import Any

import pytest
from metric_facts import metric_columns

from bench.report.rows import Row, rank, read
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def row_of(
    root: Path, name: str, errors: list[float], victims: list[dict[str, Any]] | None = None, **facts: Any
) -> Row:
    """The row of a cell of victims with these errors, and with changes of their rows."""
    labels = {"attack": name, "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}
    number = len(list(root.glob("cells/*")))
    cell = Store(root).cell(
        StoredLeak, name, f"{number:016x}", {"labels": labels, "metrics": metric_columns(), **facts}
    )
    changes = victims or [{}] * len(errors)
    sample = {"position": 0, "sample": 0, "label": 0, "label_guess": 0}
    key = "rouge_1" if facts.get("data") else "mse"
    cell.append(
        [{"victim": v, "status": "budget", "batch_size": 1, **change} for v, change in enumerate(changes)],
        [{"victim": v, **sample, key: error} for v, error in enumerate(errors)],
    )
    return read(cell, query.rows(cell))


def test_a_row_says_where_it_comes_from(tmp_path: Path) -> None:
    victims = [
        {
            "commit": "b",
            "versions": '{"torch": "2.8", "leakbench": "0.1.0"}',
            "seconds": 1.5,
            "device": "cpu",
            "repeats": 0,
        },
        {"commit": "a", "versions": "[1]", "seconds": 2.5, "device": "cpu", "repeats": 2, "status": "diverged"},
        {"commit": None, "versions": "{", "device": None, "status": "budget"},
        {"versions": '{"torch": "2.14"}'},
    ]
    row = row_of(tmp_path, "dlg", [0.1] * 4, victims, control=True, config={"seed": 7})
    known = {"seed": 7, "commit": "a, b", "torch": "2.14, 2.8", "leakbench": "0.1.0", "device": "cpu", "wall": 4.0}
    assert row.provenance == known
    assert (row.statuses, row.repeated, row.batch) == ({"budget": 3, "diverged": 1}, 1, 1)
    assert (row.name, row.title, row.control) == ("dlg on mnist", "dlg (control)", True)
    assert list(row.columns) == list(metric_columns()) and row.modality.name == "images"


def test_a_cell_without_victims_has_the_batch_of_its_config(tmp_path: Path) -> None:
    row = row_of(tmp_path, "dlg", [], config={"data": {"batch_size": 4}})
    assert (row.batch, row.statuses, row.repeated, row.provenance["wall"]) == (4, {}, 0, None)
    assert row_of(tmp_path, "idlg", []).batch is None


def test_a_row_is_empty_if_it_stopped_and_no_victim_has_a_result(tmp_path: Path) -> None:
    """A reason stands in place of figures only if there are none."""
    whole = row_of(tmp_path, "a", [0.1])
    assert (whole.stopped, whole.empty) == (None, False)
    for name, errors, empty in (("b", [0.1], False), ("c", [], True)):
        cell = row_of(tmp_path, name, errors).cell
        cell.fail("error", "it broke")
        row = read(cell, query.rows(cell))
        assert (row.stopped, row.empty) == ("error: it broke", empty)


@pytest.fixture
def ranked(tmp_path: Path) -> list[Row]:
    """Rows in the order in which they have to stand."""
    given = [("d_half", [1e-6, 0.5]), ("c_near", [0.02, 0.02]), ("b_far", [0.3, 0.3]), ("a_nothing", [])]
    return [row_of(tmp_path, name, errors) for name, errors in given]


def test_success_comes_first_then_the_error_and_what_has_no_victims_comes_last(ranked: list[Row]) -> None:
    """By geometric mean alone the second would be no better than the first."""
    shuffled = random.Random(0).sample(ranked, len(ranked))
    assert [row.summary["attack"] for row in sorted(shuffled, key=rank)] == [row.summary["attack"] for row in ranked]


def test_sentences_stand_by_batch_size_and_the_higher_score_first(tmp_path: Path) -> None:
    spoken = {"data": {"modality": "sentences"}, "metrics": metric_columns("text")}
    given = [("a", 2, 0.5), ("b", 2, 0.9), ("c", 1, 0.2)]
    rows = [row_of(tmp_path, name, [score], [{"batch_size": size}], **spoken) for name, size, score in given]
    assert [row.summary["attack"] for row in sorted(rows, key=rank)] == ["c", "b", "a"]
