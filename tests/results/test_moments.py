"""The pictures of a cell by moment: each victim's latest stored image, and in the end what the attack returned."""

from pathlib import Path

import numpy as np
import page_cells
from page_cells import MOMENTS, Kind

from bench.results.moments import EXAMPLES, moments, pictures
from bench.results.query import VictimImages
from bench.results.store import Store
from bench.results.stored_training import StoredTraining


def victim(number: int, at: list[int], batch: int = 1) -> VictimImages:
    """The image at each moment has the moment as its value; the reconstruction has 99, the truth -1."""
    images = np.array(at, float)[:, None, None, None, None] * np.ones((1, batch, 1, 2, 2))
    one = np.ones((batch, 1, 2, 2))
    return VictimImages(number, -one, 99 * one, np.array(at), images)


def shown(found: list[VictimImages], end: int) -> list[tuple[int, list[float]]]:
    return [(one.iteration, [float(image.pixels.mean()) for image in one.images]) for one in moments(found, end)]


def test_a_victim_without_an_image_at_a_moment_shows_its_latest_or_its_first() -> None:
    assert shown([victim(0, [0, 10, -1]), victim(1, [5])], 20) == [
        (0, [0, 5]),
        (5, [0, 5]),
        (10, [10, 5]),
        (20, [99, 99]),
    ]


def test_the_last_moment_is_what_was_returned_and_stands_alone() -> None:
    assert shown([victim(0, [0, 20])], 20) == [(0, [0]), (20, [99])]
    assert shown([victim(0, [])], 0) == [(0, [99])]


def test_of_many_moments_eight_are_shown_with_the_first_and_the_last() -> None:
    found = shown([victim(0, list(range(0, 300, 10)))], 300)
    assert len(found) == 9 and [found[0][0], found[-2][0], found[-1][0]] == [0, 290, 300]


def test_of_a_large_batch_the_first_examples_are_shown() -> None:
    (moment,) = moments([victim(0, [], batch=9)], 1)
    assert [image.position for image in moment.images] == list(range(EXAMPLES))


def test_pictures_of_a_stored_cell(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=3, shown=2)
    found = pictures(cell)
    assert [image.victim for image in found.truth] == [0, 1]
    assert [one.iteration for one in found.moments] == list(MOMENTS)
    first, last = (np.abs(found.moments[at].images[1].pixels - found.truth[1].pixels).mean() for at in (0, -1))
    assert last < 0.3 * first, "the last picture is not the reconstruction"


def test_what_has_no_pictures_has_none(tmp_path: Path) -> None:
    sentences = page_cells.add_sentences(tmp_path, "dlg", 1, [0, 1])
    labels = dict.fromkeys(StoredTraining.labels, "none")
    config = {"model": {}, "training": {}, "defense": {}, "seed": 0}
    training = Store(tmp_path).cell(StoredTraining, "none", "f" * 16, {"labels": labels, "config": config})
    for cell in (sentences, training):
        assert pictures(cell).truth == pictures(cell).moments == []
