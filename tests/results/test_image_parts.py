"""Pictures are stored as they are shown: clipped to [0, 1], in half precision, and refused if victims are missing."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save, save_file

from bench.results import image_parts
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]
PIXELS = arrays(np.float32, array_shapes(min_dims=5, max_dims=5, max_side=3), elements=st.floats(-2, 2, width=32))


@given(PIXELS)
def test_pixels_come_back_clipped_and_finer_than_a_screen(pixels: np.ndarray) -> None:
    """Half a step of float16 below 1 is 2^-12, an eighth of a step of an 8-bit screen; ids and curves are exact."""
    ids, curve = np.arange(len(pixels)), np.linspace(0, 9, 2 * len(pixels)).reshape(-1, 2)
    tensors = {"ids": ids, "truth": pixels, "guess": pixels, "curve_at": ids[:, None], "curve": curve}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images-x.safetensors"
        path.write_bytes(save(image_parts.image_tensors(tensors)))
        found = image_parts.read_images(path)
    assert found.keys() == tensors.keys() and found["truth"].dtype == np.float16
    shown = np.minimum(np.maximum(pixels, 0), 1)
    assert np.abs(found["guess"].astype(np.float64) - shown).max() <= 2**-12
    assert np.array_equal(found["ids"], ids) and np.array_equal(found["curve"], curve)


def test_bytes_of_an_image_stay_bytes() -> None:
    pixels = np.array([0, 7, 255], np.uint8).reshape(1, 1, 1, 1, 3)
    found = image_parts.image_tensors({"ids": np.array([0]), "truth": pixels, "guess": pixels})
    assert found["truth"].dtype == np.uint8 and np.array_equal(found["truth"], pixels)


def test_a_cell_of_sentences_needs_its_curves_only() -> None:
    curves = {"ids": np.array([3]), "curve_at": np.array([[0, 9]]), "curve": np.array([[1.0, 0.5]])}
    assert image_parts.image_tensors(curves).keys() == curves.keys()
    with pytest.raises(ValueError, match="image tensors lack curve_at"):
        image_parts.image_tensors({"ids": curves["ids"], "curve": curves["curve"]})


def test_files_of_other_kinds_are_no_images_and_foreign_ones_are_named(tmp_path: Path) -> None:
    ids, ours = {"ids": np.array([0])}, {"leakbench": "1"}
    save_file(ids, tmp_path / "images-a.safetensors", ours)
    save_file(ids, tmp_path / "images-b.safetensors")
    save_file(ids, tmp_path / "reconstructions-a.safetensors", ours)
    found, warnings = image_parts.images(tmp_path)
    assert found == {"a": tmp_path / "images-a.safetensors"}
    assert warnings == [f"skipped {tmp_path / 'images-b.safetensors'}: it was not written by leakbench"]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ({"ids": np.arange(1)}, "lack guess, truth"),
        ({"ids": np.arange(1), "truth": np.zeros((2, 1)), "guess": np.zeros((1, 1))}, "truth: want 1 victims"),
        ({"ids": np.arange(1), "truth": np.zeros((1, 1)), "guess": np.zeros((1, 1)), "x": np.zeros(1)}, "unknown"),
    ],
)
def test_images_of_another_form_are_refused(make_cell: CellMaker, rows: tuple, images: dict, words: str) -> None:
    victim, sample = rows
    cell = make_cell()
    with pytest.raises(ValueError, match=words):
        cell.append([victim(0)], [sample(0)], images)
    assert cell.done() == set()
