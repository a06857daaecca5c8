"""The parts of a cell on disk: what is written is what is read, and a footer never says more than the rows do."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.messages.status import Status
from bench.results import parts, reconstruction_parts
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]


def victim(number: int, **changes: Any) -> dict[str, Any]:
    return {"victim": number, "status": "converged", "batch_size": 1, **changes}


def sample(number: int, position: int = 0, **changes: Any) -> dict[str, Any]:
    return {"victim": number, "position": position, "sample": number, "label": 0, "label_guess": 0, **changes}


def given_columns(table: pa.Table, row: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: found[name] for name in row} for found in table.to_pylist()]


def test_one_append_is_four_files_with_one_id_that_hold_what_was_given(tmp_path: Path) -> None:
    """The id ties the files together, and every row carries it, so that rows of two appends are never mixed."""
    image = np.full((1, 1, 1, 2, 2), 0.5, np.float32)
    inputs = {"ids": np.array([4]), "inputs": image, "labels": np.array([[7]])}
    row, scored = victim(4, seconds=0.5, sources="{}"), sample(4, mse=0.25, text="a", text_guess=None, text_trace=None)
    part = parts.write(tmp_path, [row], [scored], {"ids": np.array([4]), "truth": image, "guess": image}, inputs)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"images-{part}.safetensors",
        f"reconstructions-{part}.safetensors",
        f"samples-{part}.parquet",
        f"victims-{part}.parquet",
    ]
    found = parts.read(tmp_path)
    assert found.warnings == [] and found.scores == {}
    assert given_columns(found.victims[part], row) == [row] and given_columns(found.samples[part], scored) == [scored]
    assert found.victims[part]["part"].to_pylist() == found.samples[part]["part"].to_pylist() == [part]
    assert found.images.keys() == found.reconstructions.keys() == {part}
    kept = reconstruction_parts.read_reconstructions(found.reconstructions[part])
    assert all(np.array_equal(kept[name], inputs[name]) for name in inputs)


WORDS = [status.value for status in Status]
# The first id of an append, a word for each of its victims, and whether their origin is stored.
APPEND = st.tuples(st.integers(0, 6), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), st.booleans())


@given(st.lists(APPEND, max_size=4))
@settings(max_examples=20)
@example([(0, ["converged", "error", "nonfinite"], False)])
def test_footers_say_what_the_rows_say_or_nothing(appends: list[tuple[int, list[str], bool]]) -> None:
    """`leakbench status` counts by the footers, and a run by the rows: both must leave the same victims alone.

    The footers have to be enough in the usual case: no victim is in two parts, and none has to be tried again. The
    words of such parts are `budget`, `converged` and `diverged`, between which the alphabet puts no word of failure.
    """
    usual = {"budget", "converged", "diverged"}
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda handle: None)  # nothing here outlives the machine
        folder = Path(name)
        for start, words, sources in appends:
            more = {"sources": "{}"} if sources else {}
            rows = [victim(start + at, status=word, **more) for at, word in enumerate(words)]
            parts.write(folder, rows, [sample(start)], None)
        ended = [(start + at, word) for start, words, _ in appends for at, word in enumerate(words)]
        found = parts.stored(folder)
    if found is None:
        assert len({i for i, _ in ended}) < len(ended) or any(word not in usual for _, word in ended)
    else:
        assert found == {i for i, word in ended if word not in ("out_of_memory", "error")}


def test_a_victim_without_its_samples_is_attacked_again(tmp_path: Path) -> None:
    part = parts.write(tmp_path, [victim(0)], [sample(0)], None)
    (tmp_path / f"samples-{part}.parquet").unlink()
    found = parts.read(tmp_path)
    assert found.victims == {} and parts.stored(tmp_path) is None
    assert found.warnings == [f"skipped {tmp_path / f'victims-{part}.parquet'}: its samples cannot be read"]


def test_the_statuses_under_which_a_victim_is_tried_again_are_those_of_the_machine() -> None:
    """The words are spelled twice, because bench.messages imports torch, which a report does not need."""
    assert {Status.OUT_OF_MEMORY.value, Status.ERROR.value} == parts.AGAIN <= set(WORDS)


def test_the_metrics_of_a_part_are_its_columns_that_are_not_leakbenchs_own(tmp_path: Path) -> None:
    part = parts.write(tmp_path, [victim(0)], [sample(0, ssim=0.5, mse=None, text="a")], None)
    assert parts.metric_names(parts.read(tmp_path).samples[part]) == ["mse", "ssim"]
    assert parts.metric_names(parts.empty("samples")) == []
    assert parts.empty("victims").num_rows == 0 and "status" in parts.empty("victims").column_names


def test_reconstructions_of_other_victims_are_refused(tmp_path: Path) -> None:
    inputs = {"ids": np.array([1]), "inputs": np.zeros((1, 1, 1, 2, 2), np.float32), "labels": np.array([[7]])}
    with pytest.raises(ValueError, match="want those of the victims of this append"):
        parts.write(tmp_path, [victim(0)], [sample(0)], None, inputs)
    assert list(tmp_path.iterdir()) == []


BAD = {
    "a row of victims lacks status": ([{"victim": 0, "batch_size": 1}], []),
    "unknown columns: colour": ([{"victim": 0, "status": "x", "batch_size": 1, "colour": 1}], []),
    "occurs twice": ([{"victim": 0, "status": "x", "batch_size": 1}] * 2, []),
    "without their victims": (
        [{"victim": 0, "status": "x", "batch_size": 1}],
        [{"victim": 1, "position": 0, "sample": 0, "label": 0, "label_guess": 0}],
    ),
    "positions outside their batch": (
        [{"victim": 0, "status": "x", "batch_size": 1}],
        [{"victim": 0, "position": 1, "sample": 0, "label": 0, "label_guess": 0}],
    ),
}


@pytest.mark.parametrize("words", BAD)
def test_rows_of_another_form_are_refused(make_cell: CellMaker, words: str) -> None:
    cell = make_cell()
    with pytest.raises(ValueError, match=words):
        cell.append(*BAD[words])
    assert list(cell.parts.iterdir()) == []
