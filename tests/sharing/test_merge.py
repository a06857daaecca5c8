"""Merging loses no victim, replaces no stored value, and refuses a contradiction before it writes anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_rows import label_row
from shared_cells import LABELS, cell_with, scores_in, tree

from bench.errors import UserError
from bench.results import query, score_parts, verification
from bench.results.gain import Gain, copied
from bench.results.store import Store, cells
from bench.results.stored_cell import ExampleTable, StoredCell
from bench.results.stored_labels import StoredLabels
from bench.results.stored_training import StoredTraining
from bench.sharing import archive
from bench.sharing.merge import merge

A, B, OUT = Path("a"), Path("b"), Path("out")


def test_the_same_cell_from_two_folders_joins_its_victims() -> None:
    cell_with(A, {0: 0.1, 1: 0.2})
    cell_with(B, {2: 0.3, 3: 0.4})
    before = tree(A), tree(B)
    merged = merge([A, B], OUT, pytest.fail)
    assert scores_in(OUT) == {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}
    assert (merged.cells, merged.new, merged.units, merged.notes) == (2, 1, 2, [])
    (cell,) = query.cells(OUT).cells
    assert cell.wanted(cell.facts["config"]) == 4 and len(query.images(cell)) == 4
    assert (tree(A), tree(B)) == before
    unchanged = tree(OUT)
    assert merge([A, B], OUT, pytest.fail).units == 0 and tree(OUT) == unchanged


def test_without_o_the_first_folder_gets_the_rows() -> None:
    cell_with(A, {0: 0.1})
    cell_with(B, {1: 0.2})
    merge([A, B], A, pytest.fail)
    assert scores_in(A) == {0: 0.1, 1: 0.2}


def test_a_stored_value_stands_and_another_one_is_named() -> None:
    cell_with(A, {0: 0.1, 1: 0.2})
    cell_with(B, {1: 0.9, 2: 0.3})  # stored later, so it would win if its row were copied
    merged = merge([A, B], OUT, pytest.fail)
    assert scores_in(OUT) == {0: 0.1, 1: 0.2, 2: 0.3}
    (note,) = merged.notes
    assert "scores of the same victims differ" in note and "(mse of 1)" in note and "\n" not in note


def test_a_result_takes_the_place_of_a_failed_attempt_that_was_made_later() -> None:
    cell_with(A, {0: 0.1})
    cell_with(B, {0: 0.0}, status="out_of_memory")
    merge([B, A], OUT, pytest.fail)
    assert scores_in(OUT) == {0: 0.1}


def test_a_victim_without_a_reconstruction_is_joined_as_well() -> None:
    cell_with(A, {0: 0.1})
    other = cell_with(B, {0: 0.1})
    other.append([{"victim": 1, "status": "diverged", "batch_size": 1}], [])
    merge([A, B], OUT, pytest.fail)
    (cell,) = query.cells(OUT).cells
    assert cell.done() == {0, 1} and query.victims(cell)["status"].to_pylist() == ["budget", "diverged"]


def test_added_scores_go_along_and_replace_none() -> None:
    first = cell_with(A, {0: 0.1, 1: 0.2})
    merge([A], B, pytest.fail)
    (second,) = query.cells(B).cells
    (part,) = set(query.victims(first)["part"].to_pylist())
    row = {"position": 0, "part": part}
    score_parts.write(second.parts, [{**row, "victim": 0, "ssim": 0.5}, {**row, "victim": 1, "ssim": 0.6}])
    score_parts.write(first.parts, [{**row, "victim": 0, "ssim": 0.7}])  # later, and in the first folder
    merge([A, B], A, pytest.fail)
    assert query.rows(first).samples["ssim"].to_pylist() == [0.7, 0.6]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"metrics": {"mse": {"identity": "b" * 16}}}, "metric.mse has other settings"),
        ({"contents": {"data": "other"}}, "they attacked other data or weights"),
    ],
)
def test_a_contradiction_is_one_line_and_nothing_is_written(facts, sentence) -> None:
    cell_with(A, {0: 0.1})
    cell_with(B, {1: 0.1}, **facts)
    before = tree(A), tree(B)
    for sources, target in (([A, B], OUT), ([A, B], A), ([B], A)):
        with pytest.raises(UserError, match=sentence) as caught:
            merge(sources, target, pytest.fail)
        assert "\n" not in str(caught.value) and (tree(A), tree(B)) == before and not OUT.exists()


def test_other_private_examples_are_a_contradiction() -> None:
    cell_with(A, {0: 0.1})
    other = cell_with(B, {1: 0.1})
    other.append(
        [{"victim": 0, "status": "budget", "batch_size": 1}],
        [{"victim": 0, "position": 0, "sample": 99, "label": 1, "label_guess": 1, "mse": 0.1}],
    )
    with pytest.raises(UserError, match="victim 0 holds other examples"):
        merge([A, B], OUT, pytest.fail)
    assert not OUT.exists()


def test_runs_of_a_training_are_joined() -> None:
    labels = {**LABELS, "training": "held_out"}
    config = {"model": {"a": 1}, "training": {"runs": 1}, "defense": {"a": 1}, "seed": 0}
    row = {"status": "budget", "correct": 9, "tested": 10, "steps": 1, "seconds": 1.0}
    for root, run in ((A, 0), (B, 0), (B, 1)):
        cell = Store(root).cell(StoredTraining, "t", "f" * 16, {"labels": labels, "config": config})
        cell.append({**row, "run": run, "correct": 9 if root == A else 5})
    merge([A, B], OUT, pytest.fail)
    cell = Store(OUT).cell(StoredTraining, "t", "f" * 16, {"labels": labels, "config": config})
    assert [(row["run"], row["correct"]) for row in cell.runs()] == [(0, 9), (1, 5)]


def test_rows_of_one_s_own_are_not_called_claimed_because_a_copy_was_imported() -> None:
    cell = cell_with(A, {0: 0.1})
    merge([A], B, pytest.fail)
    (copy,) = query.cells(B).cells
    origin = {"at": "2030-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}
    verification.write(copy.folder, verification.arrived(verification.read(copy.folder), origin))
    merge([A, B], A, pytest.fail)
    assert verification.mark(cell.folder) == ""
    cell_with(B, {1: 0.2})
    merge([A, B], A, pytest.fail)
    assert verification.mark(cell.folder) == verification.CLAIMED  # rows of others are in it now


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.integers(0, 5), st.sampled_from([0.1, 0.2, 0.3]), min_size=1), min_size=2, max_size=4)
)
def test_the_first_folder_that_has_a_victim_says_its_score(tmp_path_factory, folders) -> None:
    """Whatever the folders hold: the union of the victims, each with the score of the first folder that has it."""
    root = tmp_path_factory.mktemp("merged")
    for i, scores in enumerate(folders):
        cell_with(root / str(i), scores)
    merge([root / str(i) for i in range(len(folders))], root / "out", pytest.fail)
    expected: dict[int, float] = {}
    for scores in folders:
        expected = {**scores, **expected}
    assert scores_in(root / "out") == expected


def test_the_rows_of_a_label_rule_are_joined_and_a_failed_attempt_gives_way() -> None:
    config = {"attack": {"labels": {}}, "data": {"victims": 2}, "model": {}, "seed": 0}
    facts = {"labels": LABELS, "config": config}
    for folder, rows in ((A, [label_row(0, 3), label_row(1, 0, "out_of_memory")]), (B, [label_row(1, 4)])):
        Store(folder).cell(StoredLabels, "yin-mnist-lenet", "0" * 16, facts).append(rows)
    assert merge([A, B], OUT, pytest.fail).units == 1
    ((cell,), _) = cells(OUT, StoredLabels)
    assert [row["right"] for row in cell.rows()] == [3, 4] and cell.done() == {0, 1}
    assert merge([A, B], OUT, pytest.fail).units == 0


class StoredNotes(StoredCell):
    """A kind of cell that leakbench does not have: a text file per note."""

    kind: ClassVar[str] = "notes"
    noun: ClassVar[str] = "a pile of notes"
    units: ClassVar[str] = "notes"
    labels: ClassVar[tuple[str, ...]] = ()
    shape: ClassVar[dict[Any, Any]] = {"labels": {}, "config": {}}

    @classmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        return 0

    def done(self) -> set[int]:
        return {int(path.stem) for path in self.parts.glob("*.txt")}

    def times(self) -> dict[int, tuple[int, float]]:
        return dict.fromkeys(self.done(), (0, 0.0))

    def examples(self) -> ExampleTable:
        return ExampleTable(["note"], [])

    def summary(self) -> dict[str, Any]:
        return {"notes": len(self.done())}

    def fault(self) -> str | None:
        return self._foreign_part() if any(not path.read_text() for path in self.parts.glob("*.txt")) else None

    def gain(self, other: "StoredNotes") -> Gain:
        lacking = sorted(other.done() - self.done())
        return Gain(len(lacking), [copied(other.parts / f"{one}.txt", self.parts / f"{one}.txt") for one in lacking])


def test_a_further_kind_of_cell_is_merged_and_checked_by_what_it_says_of_itself(monkeypatch) -> None:
    """Neither merging nor the check of an entry asks which kind it is."""
    monkeypatch.setitem(archive._KINDS, "notes", StoredNotes)
    for root, note in ((A, 0), (B, 1)):
        cell = Store(root).cell(StoredNotes, "mine", "0" * 16, {"labels": {}, "config": {}})
        (cell.parts / f"{note}.txt").write_text("read")
        archive.check_cell(cell.folder)
    assert merge([A, B], A, pytest.fail).units == 1
    (found,) = cells(A, StoredNotes)[0]
    assert found.summary() == {"notes": 2}
    (found.parts / "2.txt").write_text("")
    with pytest.raises(ValueError, match="a part of 'notes-mine-0000000000000000' was not written by leakbench"):
        archive.check_cell(found.folder)
