"""Leakage against accuracy: the front is drawn as stairs, and words stand where nothing covers them."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.report import drawn
from bench.report.pareto import _steps, beside, drawn_as, pareto, spread, stamp, together
from bench.results.defense_result import DefenseBoard
from bench.results.join import front

Boards = Callable[..., DefenseBoard]
SHARE = st.floats(0, 1)
NONE, WEAK, STRONG = (
    ("none", "", [1e-4], 0.95, None),
    ("noise", "std 1", [1e-3], 0.9, None),
    ("pruning", "", [0.1], 0.5, None),
)


@given(st.lists(st.tuples(SHARE, st.floats(0.01, 0.1)), max_size=8))
def test_texts_move_down_as_far_as_they_must(texts: list[tuple[float, float]]) -> None:
    """None covers the one above it or leaves the top, and one that has room stays."""
    middles, heights = sorted(middle for middle, _ in texts), [height for _, height in texts]
    placed = spread(middles, heights)
    assert all(at <= middle for at, middle in zip(placed, middles))
    tops, bottoms = np.add(placed, np.divide(heights, 2)), np.subtract(placed, np.divide(heights, 2))
    assert all(tops <= np.append(bottoms[1:], 1.0) + 1e-12)
    moved = [at < middle for at, middle in zip(placed, middles)]
    touching = np.isclose(tops, np.append(bottoms[1:], 1.0))
    assert all(there for there, was in zip(touching, moved) if was)


@given(st.lists(st.tuples(SHARE, SHARE), max_size=8))
def test_each_place_has_one_text_and_only_near_ones_share_it(places: list[tuple[float, float]]) -> None:
    groups = together(places)
    assert sorted(n for group in groups for n in group) == list(range(len(places)))
    for group in groups:
        x, y = zip(*(places[n] for n in group))
        assert max(x) - min(x) < 0.07 and max(y) - min(y) < 0.12 and list(y) == sorted(y, reverse=True)


@given(st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_a_text_is_clear_of_the_points_on_its_side(places: list[tuple[float, float]], height: float) -> None:
    x, middle = places[0]
    edge = beside(places, x, middle, height)
    level = [px for px, py in places if (px > 0.5) == (x > 0.5) and abs(py - middle) < height / 2]
    assert all(edge < px if x > 0.5 else edge > px for px in [x, *level])


def test_families_of_a_long_board_are_told_apart_by_colour_and_mark() -> None:
    assert len({drawn_as(number) for number in range(81)}) == 81
    assert len({drawn_as(number)[0] for number in range(9)}) == len({drawn_as(number)[1] for number in range(9)}) == 9


def test_between_two_points_the_front_has_the_accuracy_of_the_next(defense_board: Boards) -> None:
    """An attacker gets 40 dB down to an accuracy of 0.9, then 30 dB, then 10 dB; the fourth defence is beaten."""
    beaten = ("clip", "", [1e-2], 0.4, None)
    best = front(defense_board(STRONG, beaten, NONE, WEAK).lines)
    x, y = _steps(best)
    assert list(zip(x, y)) == [
        pytest.approx(point) for point in ((0.95, 40), (0.9, 40), (0.9, 30), (0.5, 30), (0.5, 10))
    ]


def test_a_board_has_a_picture_if_two_defences_are_trained(defense_board: Boards) -> None:
    one = defense_board(NONE, ("noise", "", [0.1], None, None))
    assert pareto(one) is None and stamp(one) is None


@pytest.mark.slow
def test_the_picture_carries_the_stamp_of_what_it_shows(defense_board: Boards, tmp_path) -> None:
    board = defense_board(NONE, WEAK)
    of = stamp(board)
    content = pareto(board, of or "")
    assert of is not None and content is not None
    (tmp_path / "a.png").write_bytes(content)
    assert drawn.kept(tmp_path / "a.png", of) and pareto(board, of) == content
    assert np.asarray(Image.open(io.BytesIO(content)).convert("L")).std() > 10  # something is drawn


def test_the_stamp_changes_with_each_thing_that_is_shown(defense_board: Boards) -> None:
    others = [
        defense_board(NONE, WEAK),
        defense_board(NONE, STRONG),
        defense_board(NONE, WEAK, STRONG),
        defense_board(NONE, (*WEAK[:3], 0.91, None)),
        defense_board(NONE, ("noise", "std 2", *WEAK[2:])),
    ]
    assert len({stamp(board) for board in others}) == len(others)
