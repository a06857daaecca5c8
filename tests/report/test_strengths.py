"""The picture over strengths shows the stored pixels themselves: a row per victim, a column per defence, in order."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from bench.report.strengths import broken, ordered, stamp, strengths
from bench.results.defense_result import DefenseBoard

Boards = Callable[..., DefenseBoard]


def images(seed: int, count: int) -> np.ndarray:
    """`[count, 3, 12, 12]`, bytes, no two alike."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 12, 12), np.uint8)


def place(page: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    """Where `image` `[3, H, W]` stands on the page, seven times as large (84 pixels): its top left corner."""
    patch = np.moveaxis(image, 0, -1).repeat(7, 0).repeat(7, 1)
    corners = np.argwhere((page == patch[0, 0]).all(-1))
    found = [(int(y), int(x)) for y, x in corners if np.array_equal(page[y : y + 84, x : x + 84], patch)]
    assert len(found) == 1
    return found[0]


def test_pictures_stand_in_rows_of_victims_and_columns_of_strengths(defense_board: Boards) -> None:
    truth = images(0, 5)
    guesses = {strength: images(seed, 5) for seed, strength in enumerate(("", "std 0.1", "std 0.01"), 1)}
    families = ["none", "noise", "noise"]
    board = defense_board(*((f, s, [0.1] * 5, None, (truth, g)) for f, (s, g) in zip(families, guesses.items())))
    content = strengths(board, "dlg")
    assert content is not None
    page = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    columns = [truth, guesses[""], guesses["std 0.01"], guesses["std 0.1"]]
    places = [[place(page, column[victim]) for column in columns] for victim in range(4)]  # and not the fifth victim
    for row in places:
        assert len({y for y, _ in row}) == 1 and [x for _, x in row] == sorted(x for _, x in row)
    for column in zip(*places):
        assert len({x for _, x in column}) == 1 and [y for y, _ in column] == sorted(y for y, _ in column)
    with pytest.raises(AssertionError):
        place(page, truth[4])


def test_a_board_without_pictures_or_with_none_in_common_has_none(defense_board: Boards) -> None:
    bare = defense_board(("none", "", [0.1], None, None))
    assert strengths(bare, "dlg") is None and stamp(bare, "dlg") is None
    shown = defense_board(("none", "", [0.1], None, (images(0, 1), images(1, 1))))
    assert strengths(shown, "idlg") is None and stamp(shown, "idlg") is None
    assert stamp(shown, "dlg") is not None


def test_strengths_stand_by_their_numbers_and_no_defence_first(defense_board: Boards) -> None:
    """0.09 stands before 0.1, which an order of words would not have, and 1e-3 before both."""
    given = [("pruning", "fraction 0.9"), ("noise", "std 0.1"), ("none", ""), ("noise", "std 1e-3")]
    given += [("noise", "std 0.09"), ("clip", "norm 1, sigma 10"), ("clip", "norm 1, sigma 2")]
    board = defense_board(*((family, strength, [0.1], None, None) for family, strength in given))
    assert [line.title for line in ordered(board.lines)] == [
        "none",
        "clip norm 1, sigma 2",
        "clip norm 1, sigma 10",
        "noise std 1e-3",
        "noise std 0.09",
        "noise std 0.1",
        "pruning fraction 0.9",
    ]


def test_the_stamp_changes_with_the_pictures(defense_board: Boards) -> None:
    truth = images(0, 1)
    boards = [defense_board(("none", "", [0.1], None, (truth, images(seed, 1)))) for seed in (1, 2)]
    assert stamp(boards[0], "dlg") != stamp(boards[1], "dlg")


def test_the_words_of_a_column_stay_within_it(defense_board: Boards) -> None:
    """Long names stand on several lines, and nothing is lost of them."""
    for words in ("randomised_response", "label_smoothing", "learning_rate 0.001", "x" * 40, "float16"):
        lines = broken(words, 13)
        assert "".join(lines) == words and all(len(line) <= 13 for line in lines)
    assert broken("label_smoothing", 13) == ["label_", "smoothing"]
    shown = (images(0, 1), images(1, 1))
    heights = []
    for family in ("sign", "randomised_response"):
        content = strengths(defense_board((family, "", [0.1], None, shown)), "dlg")
        assert content is not None
        heights.append(Image.open(io.BytesIO(content)).height)
    assert heights[1] == heights[0] + 16  # one line more above the pictures
