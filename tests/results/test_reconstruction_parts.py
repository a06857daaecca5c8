"""What an attack returned comes back bit for bit, or is left out with a sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from bench.errors import UserError
from bench.results import parts, query
from bench.results import reconstruction_parts as kept
from bench.results.part_format import KEY
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]
IMAGES = np.random.default_rng(0).normal(size=(2, 3, 1, 4, 4)).astype(np.float32)
IMAGES[0, 0, 0, 0, 0] = np.nan
TOKENS = np.array([[[4, 7, -1]], [[30_521, 0, 2]]])


def tensors(inputs: np.ndarray, ids: tuple[int, ...] = (0, 1)) -> dict[str, np.ndarray]:
    return {"ids": np.array(ids), "inputs": inputs, "labels": np.full(inputs.shape[:2], -1)}


def filled(cell: StoredLeak, rows: tuple, inputs: np.ndarray = IMAGES, ids: tuple[int, ...] = (0, 1)) -> Path:
    victim, sample = rows
    size = inputs.shape[1]
    samples = [sample(i, b) for i in ids for b in range(size)]
    cell.append([victim(i, batch_size=size) for i in ids], samples, None, tensors(inputs, ids))
    ((_, path),) = parts.read(cell.parts).reconstructions.items()
    return path


@pytest.mark.parametrize("inputs", [IMAGES, IMAGES.astype(np.float64) / 3, TOKENS], ids=["images", "float64", "tokens"])
def test_what_was_returned_comes_back(make_cell: CellMaker, rows: tuple, inputs: np.ndarray) -> None:
    found = kept.read_reconstructions(filled(make_cell(), rows, inputs))
    assert found["inputs"].dtype == (np.int32 if inputs is TOKENS else inputs.dtype)
    assert np.array_equal(found["inputs"], inputs, equal_nan=inputs is not TOKENS)
    assert found["ids"].tolist() == [0, 1] and (found["labels"] == -1).all()


def test_it_belongs_to_the_append_of_its_victims_and_disturbs_no_reader(make_cell: CellMaker, rows: tuple) -> None:
    cell = make_cell()
    path = filled(cell, rows)
    stored = query.rows(cell)
    assert set(stored.victims["part"].to_pylist()) == {path.stem.partition("-")[2]}
    assert stored.warnings == [] and query.images(cell) == []
    assert cell.done() == parts.stored(cell.parts) == {0, 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ids": np.array([0, 2])}, "victims of this append"),
        ({"ids": np.array([0, 0])}, "victims of this append"),
        ({"labels": np.zeros((2, 1))}, r"labels: want \[2, 3\]"),
        ({"inputs": np.zeros((1, 3, 1, 4, 4))}, r"inputs: want \[2, B"),
        ({"inputs": np.zeros((2, 3, 1, 4, 4), np.int32)}, "int32 does not go with"),
        ({"more": np.zeros(2)}, "want the tensors ids, inputs, labels"),
    ],
)
def test_another_form_is_refused_before_anything_is_written(
    make_cell: CellMaker, rows: tuple, change: dict[str, np.ndarray], says: str
) -> None:
    victim, sample = rows
    cell = make_cell()
    with pytest.raises(ValueError, match=says):
        cell.append([victim(0), victim(1)], [sample(0), sample(1)], None, {**tensors(IMAGES), **change})
    assert list(cell.parts.iterdir()) == []


def test_a_file_that_is_foreign_old_or_cut_is_left_out_and_named(make_cell: CellMaker, rows: tuple) -> None:
    cell = make_cell()
    path = filled(cell, rows)
    whole = path.read_bytes()
    old = save(tensors(TOKENS), metadata={KEY: "0"})
    less = save({"ids": np.arange(2)}, metadata={KEY: "1"})
    for content, says in ((b"text", "corrupt"), (whole[:40], "corrupt"), (old, "schema 0"), (less, "not written by")):
        path.write_bytes(content)
        found = parts.read(cell.parts)
        assert found.reconstructions == {} and cell.done() == {0, 1}
        (warning,) = query.rows(cell).warnings
        assert str(path) in warning and says in warning


def test_a_flipped_bit_is_noticed(make_cell: CellMaker, rows: tuple) -> None:
    path = filled(make_cell(), rows)
    content = bytearray(path.read_bytes())
    content[-70] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        kept.read_reconstructions(path)


def test_the_estimate_is_the_size_of_what_is_stored(make_cell: CellMaker, rows: tuple) -> None:
    for number, inputs in enumerate((IMAGES, TOKENS)):
        path = filled(make_cell(f"{number:016x}"), rows, inputs)
        found = kept.read_reconstructions(path)["inputs"]
        assert kept.size(2, inputs.shape[1], int(np.prod(inputs.shape[2:]))) == found.nbytes


def test_what_is_large_is_announced_and_what_does_not_fit_is_refused() -> None:
    """At the boundary to the byte, of the size and of the free space."""
    assert kept.announcement(kept.LARGE - 1, 0) is None
    said = kept.announcement(kept.LARGE, kept.LARGE)
    assert said is not None and "take 300 MB of disk, and 300 MB are free" in said
    with pytest.raises(UserError, match=r"300 MB are free; .*report\.reconstructions=none") as caught:
        kept.announcement(kept.LARGE, kept.LARGE - 1)
    assert "\n" not in str(caught.value)


def test_the_free_space_is_that_of_the_disk_that_will_hold_the_folder(tmp_path: Path) -> None:
    assert kept.free(tmp_path / "not" / "there") > 0
