"""The reconstructions of one attack over defences and strengths, as in figure 7 of Deep Leakage from Gradients."""

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.report import drawn
from bench.report.figures import pictured, pixels
from bench.report.table import number
from bench.results import query
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.leaks import LeakageScore, errors
from bench.results.query import VictimImages
from bench.terminal.printable import drawable_lines

_VICTIMS = 4
_DPI = 100
# Pixels on the page.
_SIDE, _GAP, _MARGIN, _TITLE, _FOOT, _STEP = 84, 6, 14, 46, 15, 12
_LINE, _CHARACTER = 16, 6.2  # the height of a line of the heads, and how wide a character is on average


def stamp(board: DefenseBoard, attack: str) -> str | None:
    """What the picture follows from (see `drawn`); None where no defence has images."""
    found = [(_words(line), pictured(leak.cell, leak.rows)) for line, leak in _columns(board, attack)]
    shown = [one for one in found if one[1] is not None]
    return drawn.stamp("strengths", attack, board.data, board.model, shown) if shown else None


def _columns(board: DefenseBoard, attack: str) -> list[tuple[DefenseResult, LeakageScore]]:
    return [(line, leak) for line in ordered(board.lines) if (leak := line.by(attack)) is not None]


def strengths(board: DefenseBoard, attack: str, of: str = "") -> bytes | None:
    """A PNG: a row a victim, the truth at the left, then a column a defence and strength; None without images.

    Columns stand by family, weakest first; below each picture its MSE.

    Args:
        board: the defences.
        attack: one of its attacks.
        of: see `stamp`.
    """
    shown = [
        (line, {v.victim: v for v in query.images(leak.cell, _VICTIMS, leak.rows)}, errors(leak.rows))
        for line, leak in _columns(board, attack)
    ]
    shown = [(line, images, mse) for line, images, mse in shown if images]
    victims = sorted(set.intersection(*(set(images) for _, images, _ in shown))) if shown else []
    if not victims:
        return None
    first = shown[0][1]
    heads = [["truth"], *(_words(line) for line, _, _ in shown)]
    rows = []
    for victim in victims:
        row = [("", pixels(first[victim].truth[0]))]
        row += [(_error(mse, victim), pixels(_guess(images[victim]))) for _, images, mse in shown]
        rows.append(row)
    where = f"{board.data}, model {board.model}; below each its MSE"
    return _draw(f"{attack} over defences and strengths", where, heads, rows, of)


def ordered(lines: Sequence[DefenseResult]) -> list[DefenseResult]:
    """No defence first; then families by name, in each the strengths by their numbers (noise by its deviation)."""

    def place(line: DefenseResult) -> tuple[bool, str, list[float], str]:
        numbers = _numbers(line.strength) if line.noise is None else [line.noise]
        return line.family != "none", line.family, numbers, line.title

    return sorted(lines, key=place)


def _numbers(words: str) -> list[float]:
    found = []
    for word in words.replace(",", " ").split():
        try:
            found.append(float(word))
        except ValueError:
            continue
    return found


def _words(line: DefenseResult) -> list[str]:
    return [line.family, *line.strength.split(", ")][:3]


def broken(words: str, width: int) -> list[str]:
    """The words in lines of at most `width` characters, broken behind an underscore or a blank if there is one.

    >>> broken("randomised_response", 14), broken("float16", 14), broken("abcdef", 4)
    (['randomised_', 'response'], ['float16'], ['abcd', 'ef'])
    """
    return re.findall(rf".{{1,{width}}}(?:(?<=[_ ])|$)|.{{1,{width}}}", words)


def _guess(shown: VictimImages) -> np.ndarray:
    return shown.guess[0]


def _error(mse: dict[int, np.ndarray], victim: int) -> str:
    value = mse[victim][0]
    return number(float(value), None) if np.isfinite(value) else "no result"


def _draw(title: str, where: str, heads: list[list[str]], rows: list[list[tuple[str, np.ndarray]]], of: str) -> bytes:
    height, width = rows[0][0][1].shape[:2]
    factor = max(1, round(_SIDE / max(height, width)))
    across, down = width * factor, height * factor
    page_width = 2 * _MARGIN + len(heads) * (across + _GAP) - _GAP + _STEP
    heads = [[part for words in head for part in broken(words, int(across / _CHARACTER))] for head in heads]
    head_height = _LINE * max(map(len, heads)) + _GAP
    page_height = 2 * _MARGIN + _TITLE + head_height + len(rows) * (down + _FOOT + _GAP) - _GAP
    figure = Figure(figsize=(page_width / _DPI, page_height / _DPI), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    page = np.ones((page_height, page_width, 3))

    def write(x: float, y: float, words: str, **style: Any) -> None:
        figure.text(
            x / page_width,
            1 - y / page_height,
            drawable_lines(words),
            va="top",
            **{"fontsize": 8, **style},
        )

    write(_MARGIN, _MARGIN, title, fontsize=12, fontweight="bold")
    write(_MARGIN, _MARGIN + 20, where, color="0.35", fontsize=9)
    lefts = [_MARGIN + at * (across + _GAP) + (_STEP if at else 0) for at in range(len(heads))]
    for left, words in zip(lefts, heads):
        write(left, _MARGIN + _TITLE, "\n".join(words), linespacing=1.3)
    for number_, row in enumerate(rows):
        top = _MARGIN + _TITLE + head_height + number_ * (down + _FOOT + _GAP)
        for left, (below, image) in zip(lefts, row):
            page[top : top + down, left : left + across] = np.kron(image, np.ones((factor, factor, 1)))
            write(left, top + down + 2, below, color="0.35", fontsize=7)
    # One image for the page, pixel for pixel, as in `figures`.
    figure.figimage(np.round(page * 255).astype(np.uint8))
    out = io.BytesIO()
    canvas.print_png(out, metadata=drawn.metadata(of))
    return out.getvalue()
