"""Leakage against accuracy: a point a defence and strength, and the front that no other point beats in both."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.report import drawn
from bench.report.strengths import ordered
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.join import front
from bench.terminal.printable import drawable

_DPI = 130
_SHAPE = 5.2 / 7.6  # height over width
# Okabe and Ito's colours, which colour-blind readers tell apart, and marks for those who print in gray.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#7F3C8D")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
# Shares of the picture: the height of a line of text, its distance from the point, how close points share a text.
_LINE, _AWAY, _NEAR = 0.032, 0.05, (0.07, 0.12)


def stamp(board: DefenseBoard) -> str | None:
    """What the picture follows from (see `drawn`); None where there is none."""
    trained = [line for line in board.lines if line.utility and line.utility["accuracy"]]
    shown = [
        (line.family, line.title, line.strength, _accuracy(line), line.worst.figure.document()) for line in trained
    ]
    return drawn.stamp("pareto", board.data, board.scale.name, shown) if len(shown) > 1 else None


def pareto(board: DefenseBoard, of: str = "") -> bytes | None:
    """The picture of a board as a PNG; None where fewer than two defences are trained.

    Left and right: test accuracy with Wilson's interval. Up and down: the mean score of the worst attack with its
    interval (none where some victims are recovered and others are not); lower leaks less. Points of one family are
    joined in the order of their strength.

    Args:
        board: the defences.
        of: see `stamp`.
    """
    trained = [line for line in board.lines if line.utility and line.utility["accuracy"]]
    if len(trained) < 2:
        return None
    figure = plot(board, trained)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out, metadata=drawn.metadata(of))
    return out.getvalue()


def plot(board: DefenseBoard, trained: Sequence[DefenseResult], width: float = 7.6, font: float = 8) -> Figure:
    """The figure of a board.

    Args:
        board: the defences.
        trained: those with an accuracy, two or more.
        width: of the figure in inches.
        font: the size of the legend in points; labels of points are smaller.
    """
    figure = Figure(figsize=(width, width * _SHAPE), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    best = front(trained)
    axes.plot(*_steps(best), color="0.55", linewidth=1.4, linestyle="--", zorder=1, label="Pareto front")
    families = list(dict.fromkeys(line.family for line in sorted(trained, key=lambda line: line.title)))
    for number, family in enumerate(families):
        _family(axes, [line for line in trained if line.family == family], *drawn_as(number))
    _names(axes, trained, font - 1)
    axes.set_xlabel("test accuracy of a model trained under the defence", fontsize=font + 2)
    unit = f" ({board.scale.unit})" if board.scale.unit else ""
    axes.set_ylabel(f"leak: {board.scale.name} under the worst attack{unit}, lower is better", fontsize=font + 2)
    axes.set_title(
        f"{drawable(board.data)}: what leaks, and what is left of the accuracy", fontsize=font + 3, loc="left"
    )
    axes.grid(color="0.93", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=font, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def drawn_as(number: int) -> tuple[str, str]:
    """Colour and mark of a family by its number; no pair of both comes twice among 81 families.

    >>> drawn_as(0), drawn_as(9)
    (('#0072B2', 'o'), ('#0072B2', 's'))
    """
    turn, place = divmod(number, len(_COLOURS))
    return _COLOURS[place], _MARKS[(place + turn) % len(_MARKS)]


def _accuracy(line: DefenseResult) -> dict[str, float]:
    assert line.utility is not None
    return line.utility["accuracy"]


def _family(axes: Axes, lines: Sequence[DefenseResult], colour: str, mark: str) -> None:
    lines = ordered(lines)
    x, y = [_accuracy(line)["mean"] for line in lines], [line.worst.mean for line in lines]
    axes.plot(x, y, color=colour, linewidth=0.8, alpha=0.5, zorder=2)
    intervals = [line.worst.figure.figure for line in lines]
    axes.errorbar(
        x,
        y,
        xerr=[
            [a - _accuracy(line)["low"] for a, line in zip(x, lines)],
            [_accuracy(line)["high"] - a for a, line in zip(x, lines)],
        ],
        yerr=[
            [b - (i.low if i.low is not None else b) for b, i in zip(y, intervals)],
            [(i.high if i.high is not None else b) - b for b, i in zip(y, intervals)],
        ],
        fmt=mark,
        color=colour,
        markersize=6,
        elinewidth=0.7,
        capsize=2,
        zorder=3,
        label=drawable(lines[0].family),
    )


def _steps(best: Sequence[DefenseResult]) -> tuple[list[float], list[float]]:
    """The front as stairs: between two points an attacker has the leak of the one with the lower accuracy."""
    x: list[float] = []
    y: list[float] = []
    for line in best:
        if x:
            x.append(_accuracy(line)["mean"])
            y.append(y[-1])
        x.append(_accuracy(line)["mean"])
        y.append(line.worst.mean)
    return x, y


def _names(axes: Axes, lines: Sequence[DefenseResult], font: float) -> None:
    """Words beside the points, points that lie together sharing one text; texts make room for each other."""
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    places = [
        ((_accuracy(line)["mean"] - low) / (high - low), (line.worst.mean - bottom) / (top - bottom)) for line in lines
    ]
    groups = together(places)
    heights = [_LINE * len(group) for group in groups]
    at = [(min(places[n][0] for n in group), float(np.mean([places[n][1] for n in group]))) for group in groups]
    for group, (x, y), middle, height in zip(groups, at, spread([y + _LINE for _, y in at], heights), heights):
        edge = beside(places, x, middle, height)
        axes.annotate(
            "\n".join(drawable(lines[n].title) for n in group),
            (x, y),
            xycoords="axes fraction",
            xytext=(edge, middle),
            textcoords="axes fraction",
            ha="right" if edge < x else "left",
            va="center",
            fontsize=font,
            color="0.25",
            linespacing=1.15,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
            arrowprops={"arrowstyle": "-", "color": "0.7", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4},
        )


def beside(places: Sequence[tuple[float, float]], x: float, middle: float, height: float) -> float:
    """Where the text of a point at `x` ends (right half: it stands left of it) or begins, clear of its half's points.

    >>> round(beside([(0.9, 0.9), (0.8, 0.85), (0.7, 0.2)], 0.9, middle=0.85, height=0.1), 2)
    0.75
    """
    level = [px for px, py in places if (px > 0.5) == (x > 0.5) and abs(py - middle) < height / 2 + _LINE / 2]
    return min([x, *level]) - _AWAY if x > 0.5 else max([x, *level]) + _AWAY


def together(places: Sequence[tuple[float, float]]) -> list[list[int]]:
    """Indices of places `(x, y)`, as shares of the picture, grouped where one text can serve them; upwards.

    >>> together([(0.1, 0.1), (0.9, 0.9), (0.11, 0.12)])
    [[2, 0], [1]]
    """
    groups: list[list[int]] = []
    for n in sorted(range(len(places)), key=lambda n: places[n][::-1]):
        x, y = places[n]
        for group in groups:
            if all(abs(places[m][0] - x) < _NEAR[0] and abs(places[m][1] - y) < _NEAR[1] for m in group):
                group.insert(0, n)  # the highest is written first
                break
        else:
            groups.append([n])
    return groups


def spread(middles: Sequence[float], heights: Sequence[float]) -> list[float]:
    """`middles` of texts, upwards, moved down as far as it takes that none covers the one above it.

    >>> [round(y, 2) for y in spread([0.5, 0.9, 0.95], [0.2, 0.2, 0.2])]
    [0.5, 0.7, 0.9]
    """
    out: list[float] = []
    ceiling = 1.0
    for middle, height in zip(reversed(middles), reversed(heights)):
        placed = min(middle, ceiling - height / 2)
        out.insert(0, placed)
        ceiling = placed - height / 2
    return out
