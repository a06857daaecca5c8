"""The picture of a cell shows the stored pixels themselves, each as a square, in the right place."""

import functools
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.report import figures
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def cell_of(results: Path, identity: str) -> StoredLeak:
    (found,) = [cell for cell in query.cells(results).cells if cell.identity == identity * 16]
    return found


@functools.cache
def drawn(results: Path, identity: str) -> np.ndarray:
    content = figures.grid(cell_of(results, identity))
    assert content is not None
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def place(page: np.ndarray, image: np.ndarray, factor: int) -> list[tuple[int, int]]:
    """Where `image` `[H, W, 3]` in [0, 1] stands on the page, enlarged by `factor`: top left corners."""
    patch = np.round(image * 255).astype(np.uint8).repeat(factor, 0).repeat(factor, 1)
    height, width = patch.shape[:2]
    # The liveliest row leaves few places to compare in full.
    row = max(range(0, height, factor), key=lambda y: len(np.unique(patch[y], axis=0)))
    content, line, found = page.tobytes(), patch[row].tobytes(), []
    at = content.find(line)
    while at >= 0:
        y, x = divmod(at // 3, page.shape[1])
        if at % 3 == 0 and np.array_equal(page[max(y - row, 0) : y - row + height, x : x + width], patch):
            found.append((y - row, x))
        at = content.find(line, at + 1)
    return sorted(set(found))


@pytest.mark.slow
@pytest.mark.parametrize(("identity", "factor"), [("0", 4), ("3", 4)])
def test_every_stored_image_is_on_the_page(results: Path, identity: str, factor: int) -> None:
    """Colour and gray: truth, reconstruction, then the moments from left to right, a line a victim."""
    cell = cell_of(results, identity)
    page, tops = drawn(results, identity), []
    for shown in query.images(cell):
        images = [shown.truth[0], shown.guess[0], *shown.images[:, 0]]
        places = [place(page, figures.pixels(image), factor) for image in images]
        # The last moment is the reconstruction itself and stands on the page twice.
        assert [len(found) for found in places] == [1, 2, *[1] * 7, 2]
        lefts = [places[0][0][1], places[1][0][1], *(found[-1][1] for found in places[2:])]
        assert lefts == sorted(lefts)
        assert {y for found in places for y, _ in found} == {places[0][0][0]}
        tops.append(places[0][0][0])
    assert len(tops) == 8
    assert tops == sorted(tops)


def test_a_batch_has_a_line_an_image(results: Path) -> None:
    cell = cell_of(results, "4")
    page = drawn(results, "4")
    images = [figures.pixels(image) for shown in query.images(cell) for image in shown.truth]
    tops = [place(page, image, 4)[0][0] for image in images]
    assert len(tops) == 12
    assert tops == sorted(set(tops))


def test_without_a_trace_truth_and_reconstruction_remain(results: Path) -> None:
    cell = cell_of(results, "2")
    page = drawn(results, "2")
    assert page.shape[1] < drawn(results, "0").shape[1] / 2
    assert len(place(page, figures.pixels(query.images(cell)[0].truth[0]), 4)) == 1


def test_captions_are_what_was_asked_for(results: Path) -> None:
    cell = cell_of(results, "1")
    stored = query.rows(cell)
    samples = {(row["victim"], row["position"]): row for row in stored.samples.to_pylist()}
    (line,) = figures._lines(query.images(cell)[2], stored.victims["status"].to_pylist()[2], samples)
    assert [caption for caption, _ in line.pictures][:4] == ["truth", "reconstruction", "it. 0", "it. 1"]
    sample = stored.samples.to_pylist()[2]
    label = sample["label"]
    assert line.words[:2] == ["victim 2", f"label {label}, guessed {label}"]
    assert line.words[2:] == [f"MSE {sample['mse']:.3g}", "diverged"]


def test_many_moments_are_thinned_and_empty_ones_left_out(add_cell: Callable[..., StoredLeak], tmp_path: Path) -> None:
    words = {"attack": "idlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "B"}
    cell = Store(tmp_path).cell(StoredLeak, "a", "0" * 16, {"labels": words})
    source = query.images(add_cell(tmp_path, "1" * 16, "x", "mnist", "mnist_", 2))[0].truth[None]
    moments = np.array([[*range(0, 200, 10), -1, -1]])
    path = np.repeat(source[:, None], moments.shape[1], 1)
    images = {"ids": np.array([0]), "truth": source, "guess": source, "moments": moments, "images": path}
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [], images)
    (line,) = figures._lines(query.images(cell)[0], "budget", {})
    captions = [caption for caption, _ in line.pictures[2:]]
    assert len(captions) == figures.MOMENTS
    assert (captions[0], captions[-1]) == ("it. 0", "it. 190")
    assert figures.grid(cell) is not None


def test_a_cell_without_images_has_no_picture(results: Path) -> None:
    assert figures.grid(cell_of(results, "5")) is None


def test_pixels_that_are_not_finite_are_red() -> None:
    image = np.array([[[0.5, np.nan, np.inf]]])
    shown = figures.pixels(image)
    assert shown[0, 0].tolist() == [0.5, 0.5, 0.5]
    assert shown[0, 1].tolist() == shown[0, 2].tolist() == list(figures._NOT_FINITE)


def test_bytes_and_fractions_are_the_same_picture() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    assert np.allclose(figures.pixels(image), figures.pixels(image / 255))
