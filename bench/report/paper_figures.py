"""Figures for a paper: success against threshold, iterations against batch size, and reconstructions side by side.

Lines differ in colour, in dashes and in marks, so that they can be told apart in gray and by colour-blind readers.
"""

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.config import display_names
from bench.errors import UserError
from bench.report.ended import in_words
from bench.report.figures import pixels
from bench.report.table import number
from bench.report.table_rows import TableRow
from bench.results import query
from bench.results.leaks import errors, values
from bench.results.stored_leak import ENDED_WELL
from bench.terminal.printable import drawable

# Okabe and Ito's colours, in an order in which neighbours differ in gray too.
COLOURS = ("#000000", "#E69F00", "#0072B2", "#56B4E9", "#D55E00", "#999999", "#009E73", "#CC79A7")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<")
_DPI = 300
_SHAPE = 0.68  # height of a plot over its width
_POINTS = 200
_WITHIN = 5  # so many names fit into a plot without hiding its lines
_LETTER, _LINE = 0.54, 1.6  # the width of a letter and the height of a line of a legend, as shares of its font's size


def success(
    rows: Sequence[TableRow],
    width: float,
    font: float,
    thresholds: tuple[float, float],
    reported: Sequence[Sequence[tuple[float, float]]] = (),
) -> Figure:
    """The share of images whose mean squared error is at or below a threshold, over all thresholds; a line per row.

    An image of a victim that failed is no success at any threshold.

    Args:
        rows: the cells; several seeds of one row are pooled.
        width: of the figure in inches.
        font: its size in points.
        thresholds: the lowest and the highest threshold.
        reported: per row the `(threshold, share)` that a paper reports, drawn as marks; empty for no marks.

    Raises:
        UserError: no row has images with errors, or the thresholds are not in order.
    """
    low, high = thresholds
    if not 0 < low < high:
        raise UserError(f"--thresholds {low:g},{high:g}: want two numbers above 0, the lower one first")
    known = [
        (row, np.concatenate([e for _, stored in row.members for e in values(stored, "mse").values()] or [np.zeros(0)]))
        for row in rows
    ]
    points = [one for one, (_, found) in zip(reported, known) if len(found)]
    known = [(row, found) for row, found in known if len(found)]
    if not known:
        raise UserError("no chosen row has images with a mean squared error")
    figure, axes = plot_of(width, font)
    at = np.logspace(np.log10(low), np.log10(high), _POINTS)
    for which, (row, found) in enumerate(known):
        share = [(np.nan_to_num(found, nan=np.inf) <= threshold).mean() for threshold in at]
        style = line_style(which) | {"marker": "", "drawstyle": "steps-post"}
        axes.plot(at, share, label=drawable(name(row, rows)), **style)
    for which, own in enumerate(points):
        if inside := [(threshold, share) for threshold, share in own if low <= threshold <= high]:
            style = line_style(which) | {"linestyle": "", "markersize": 4}
            axes.plot(*zip(*inside, strict=True), label=drawable(f"{name(known[which][0], rows)}, the paper"), **style)
    axes.set(xscale="log", ylim=(-0.03, 1.03), xlim=(low, high))
    axes.set_xlabel("threshold of the mean squared error", fontsize=font)
    axes.set_ylabel("share of images at or below it", fontsize=font)
    legend(axes, font)
    return figure


def batches(rows: Sequence[TableRow], width: float, font: float) -> Figure:
    """Iterations per victim against the batch size: the median, and the quartiles as bars; a line per attack.

    Raises:
        UserError: no attack has two batch sizes.
    """
    lines: dict[str, dict[int, np.ndarray]] = {}
    for row in rows:
        stored = [part.victims["iterations"].to_pylist() for _, part in row.members]
        counts = np.array([value for part in stored for value in part if value is not None], float)
        if len(counts) and row.first.batch and not row.first.control:
            own = lines.setdefault(name(row, rows, ("B",)), {})
            own[row.first.batch] = np.concatenate([own.get(row.first.batch, np.zeros(0)), counts])
    lines = {key: found for key, found in lines.items() if len(found) > 1}
    if not lines:
        raise UserError("no attack ran with two batch sizes; run one with data.batch_size=1, 2, 4")
    figure, axes = plot_of(width, font)
    for which, (label, found) in enumerate(lines.items()):
        sizes = sorted(found)
        low, middle, high = np.array([np.quantile(found[size], (0.25, 0.5, 0.75)) for size in sizes]).T
        spread = [middle - low, high - middle]
        axes.errorbar(sizes, middle, yerr=spread, label=drawable(label), capsize=2, markersize=4, **line_style(which))
    axes.set_xscale("log", base=2)
    every = sorted({size for found in lines.values() for size in found})
    axes.set_xticks(every, [str(size) for size in every])
    axes.minorticks_off()
    axes.set_xlabel("batch size", fontsize=font)
    axes.set_ylabel("iterations per victim\n(median, quartiles)", fontsize=font)
    legend(axes, font)
    return figure


def grid(rows: Sequence[TableRow], width: float, font: float, victims: Sequence[int] | None) -> Figure:
    """Truths and reconstructions side by side: a line per victim, a column per row; below each its error or its end.

    With one attack under several defences these are the reconstructions over strengths.

    Args:
        rows: the cells, from left to right; of several seeds the first.
        width: of the figure in inches.
        font: its size in points.
        victims: their ids, from above; None takes the first four that every row has.

    Raises:
        UserError: a victim has no stored images in every row.
    """
    stored = [(row, {one.victim: one for one in query.images(row.first.cell, None, row.members[0][1])}) for row in rows]
    stored = [(row, images) for row, images in stored if images]
    if not stored:
        raise UserError("no chosen row has stored images (report.images says how many victims have some)")
    common = sorted(set.intersection(*(set(images) for _, images in stored)))
    chosen = list(victims) if victims is not None else common[:4]
    for victim in chosen:
        if victim not in common:
            raise UserError(f"victim {victim} has no images in every row; these have: {', '.join(map(str, common))}")
    if not chosen:
        raise UserError("no victim has images in every chosen row; choose fewer rows (--rows)")
    first = stored[0][1]
    for row, images in stored:
        if any(not np.array_equal(images[v].truth, first[v].truth) for v in chosen):
            raise UserError(f"{name(row, rows)} attacks other images than the first row: choose one data set and seed")
    across = len(stored) + 1
    tall, wide = first[chosen[0]].truth.shape[-2:]
    head, foot, side = 2.8 * font / 72, 1.9 * font / 72, 0.98 * width / (across + 0.08 * (across - 1))
    down = side * tall / wide
    high = head + len(chosen) * (down + foot)
    figure = Figure(figsize=(width, high), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(chosen), across, squeeze=False)
    ends = [
        dict(zip(*(members[0][1].victims[key].to_pylist() for key in ("victim", "status"))))
        for members in (row.members for row, _ in stored)
    ]
    mse = [errors(row.members[0][1]) for row, _ in stored]
    for line, victim in zip(axes, chosen):
        _picture(line[0], pixels(first[victim].truth[0]), f"victim {victim}", font)
        for at, (cell, (_, images)) in enumerate(zip(line[1:], stored)):
            value = mse[at].get(victim, np.array([np.nan]))[0]
            end = ends[at].get(victim, "")
            failed = end not in ENDED_WELL
            below = in_words(end) if failed else f"MSE {number(float(value), None)}"
            _picture(cell, pixels(images[victim].guess[0]), below, font)
    for cell, words in zip(axes[0], ["truth", *(name(row, rows) for row, _ in stored)]):
        cell.set_title(drawable(words).replace(" (", "\n("), fontsize=font, pad=3)
    figure.subplots_adjust(0.01, foot / high, 0.99, 1 - head / high, wspace=0.08, hspace=foot / down)
    return figure


def name(row: TableRow, rows: Sequence[TableRow], without: Sequence[str] = ()) -> str:
    """What tells a row from the others of a figure, in words: the attack, or what else differs.

    A change that all rows have in common, such as a budget, is left out.

    Args:
        row: the row.
        rows: all rows of the figure.
        without: settings that the figure shows in another way.
    """
    keys = [key for key in ("attack", "defense", "data", "model", "threat") if len({one.word(key) for one in rows}) > 1]
    words = [
        display_names.without(row.word(key), [*without, *(_common(key, rows) if key in keys else [])])
        for key in keys or ["attack"]
    ]
    settings = [f"{key} {value}" for key, value in row.setting.items() if key not in without]
    return ", ".join(["no defence" if word == "none" else word for word in words] + settings)


def _common(key: str, rows: Sequence[TableRow]) -> list[str]:
    """The settings that all rows list as changed to one value in what they have at a key."""
    listed = [display_names.changes(row.word(key)) for row in rows]
    return [change.partition("=")[0] for change in listed[0] if all(change in other for other in listed)]


def rendered(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure as `pdf` or `png`, without the time and the program that made it."""
    out = io.BytesIO()
    metadata = {"CreationDate": None, "Producer": None, "Creator": None} if kind == "pdf" else {"Software": None}
    figure.savefig(out, format=kind, dpi=_DPI, metadata=metadata)
    return out.getvalue()


def plot_of(width: float, font: float) -> tuple[Figure, Axes]:
    """A figure of this width in inches with one empty plot; the font's size is in points."""
    figure = Figure(figsize=(width, width * _SHAPE), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(color="0.9", linewidth=0.5, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=font - 1, width=0.6, length=2.5)
    return figure, axes


def line_style(which: int) -> dict[str, Any]:
    """Colour, dashes and mark of a line by its place; where colours begin again, each has other dashes."""
    again, at = divmod(which, len(COLOURS))
    dashes = DASHES[(at + again) % len(DASHES)]
    return {"color": COLOURS[at], "linestyle": dashes, "linewidth": 1.3, "marker": MARKS[at]}


def legend(axes: Axes, font: float) -> None:
    """Adds the names of the lines: a few within the plot, many below it, where they hide no line."""
    size, handle = font - 1, 2.6
    lines, names = axes.get_legend_handles_labels()
    if len(names) <= _WITHIN:
        axes.legend(fontsize=size, frameon=False, handlelength=handle)
        return
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    beside = handle + 2.3  # a line and the gaps around it, in letters' heights
    room = int((figure.get_figwidth() * 72 / size - beside) / _LETTER)
    names = [textwrap.fill(name, room) for name in names]
    longest = max(len(part) for name in names for part in name.splitlines())
    columns = max(1, int(figure.get_figwidth() * 72 / size / (longest * _LETTER + beside)))
    rows = -(-len(names) // columns) * max(len(name.splitlines()) for name in names)
    figure.set_figheight(figure.get_figheight() + rows * _LINE * size / 72)
    figure.legend(
        lines, names, loc="outside lower center", ncols=columns, fontsize=size, frameon=False, handlelength=handle,
        columnspacing=1,
    )  # fmt: skip


def _picture(axes: Axes, image: np.ndarray, below: str, font: float) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(below, fontsize=font - 1.5, labelpad=1.5)
