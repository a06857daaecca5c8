"""A figure for a paper: the share of labels that each rule infers, by batch size; a panel per network and setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.errors import UserError
from bench.report.paper_figures import line_style
from bench.report.table_rows import place
from bench.terminal.printable import drawable, drawable_lines

KEYS = ("model", "data", "label_rule", "labels", "defense", "threat")
_WORDS = {"label_rule": "dealt", "labels": "labels", "defense": "defence", "threat": "threat model"}
_DPI = 300
_ACROSS = 3  # so many panels side by side at most
_SHAPE, _WIDEST = 0.8, 3.5  # height of a panel over its width, and the width in inches above which it grows no more
_LETTER, _KEY, _LINE = 0.54, 5.5, 1.6  # of the legend: widths of a letter and of a key, height of a line, in font sizes

Summary = Mapping[str, Any]
Lines = dict[str, dict[int, Summary]]


def chosen(found: Sequence[Summary], wanted: Mapping[str, Sequence[str]]) -> list[Summary]:
    """The cells that `--rows` names, in its order.

    Args:
        found: of `bench.report.labels.summaries`.
        wanted: `{key: patterns}`; keys are `rule`, `B` and those of `KEYS`.

    Raises:
        UserError: a key is unknown.
    """
    names = {"rule": "rule", "B": "batch_size", **dict(zip(KEYS, KEYS, strict=True))}
    if unknown := [key for key in wanted if key not in names]:
        raise UserError(f"--rows {unknown[0]}: cells of label inference have {', '.join(names)}")

    def places(one: Summary) -> list[int]:
        return [place(str(one[names[key]]), patterns) for key, patterns in wanted.items()]

    kept = [one for one in found if all(at < len(p) for at, p in zip(places(one), wanted.values(), strict=True))]
    return sorted(kept, key=places)


def labels_right(found: Sequence[Summary], width: float, font: float) -> Figure:
    """The share of labels right against the batch size, with 95 % intervals: a line per rule, a panel per setting.

    A setting is a network, a data set, a dealing of labels, a defence and a threat model; a title names what differs
    between the panels. Settings that have one batch size only are left out. Of several cells in one place (other
    seeds) the latest counts, as in the table.

    Args:
        found: of `chosen`.
        width: of the figure in inches.
        font: its size in points.

    Raises:
        UserError: no rule ran with two batch sizes.
    """
    panels: dict[tuple[str, ...], Lines] = {}
    for one in found:
        if one["label_overlap"] is not None:
            lines = panels.setdefault(tuple(str(one[key]) for key in KEYS), {})
            lines.setdefault(one["rule"], {})[one["batch_size"]] = one
    kept = {at: {rule: line for rule, line in own.items() if len(line) > 1} for at, own in panels.items()}
    kept = {at: own for at, own in kept.items() if own}
    if not kept:
        raise UserError(
            "no label rule ran with two batch sizes; run leakbench suite labels, or measure=labels labels=RULE "
            "data.batch_size=1,4,16"
        )
    rules = list(dict.fromkeys(rule for own in kept.values() for rule in own))
    across = min(_ACROSS, len(kept))
    down = -(-len(kept) // across)
    longest = (font - 1) / 72 * (max(map(len, rules)) * _LETTER + _KEY)  # inches
    columns = min(len(rules), max(1, int(width / longest)))
    legend = -(-len(rules) // columns) * _LINE * font / 72
    high = down * min(width / across, _WIDEST) * _SHAPE + legend
    figure = Figure(figsize=(width, high), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, sharey=True).flatten()
    for axes, (setting, own) in zip(grid, kept.items()):
        _panel(axes, own, rules, font)
        axes.set_title(drawable_lines(_title(setting, list(kept))), fontsize=font)
    for axes in grid[len(kept) :]:
        axes.set_axis_off()
    for axes in grid[max(0, len(kept) - across) : len(kept)]:
        axes.set_xlabel("batch size", fontsize=font)
    figure.supylabel("share of labels right", fontsize=font)
    handles = {text: line for axes in grid for line, text in zip(*axes.get_legend_handles_labels())}
    figure.legend(
        [handles[drawable(rule)] for rule in rules],
        [drawable(rule) for rule in rules],
        loc="outside lower center",
        ncols=columns,
        fontsize=font - 1,
        frameon=False,
        handlelength=2.6,
        columnspacing=1,
    )
    return figure


def _panel(axes: Axes, own: Lines, rules: Sequence[str], font: float) -> None:
    axes.grid(color="0.9", linewidth=0.5, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=font - 1, width=0.6, length=2.5)
    for which, rule in enumerate(rules):
        if rule not in own:
            continue
        sizes, style = sorted(own[rule]), line_style(which)
        shares = [own[rule][size]["label_overlap"] for size in sizes]
        axes.plot(sizes, [share["mean"] for share in shares], label=drawable(rule), markersize=3, **style)
        for size, share in zip(sizes, shares, strict=True):
            if share["low"] is not None:
                axes.plot([size, size], [share["low"], share["high"]], color=style["color"], linewidth=0.6, alpha=0.5)
    every = sorted({size for line in own.values() for size in line})
    axes.set_xscale("log", base=2)
    axes.set_xticks(every[:: -(-len(every) // 5)], [str(size) for size in every[:: -(-len(every) // 5)]])
    axes.minorticks_off()
    axes.set_ylim(-0.03, 1.03)


def _title(setting: tuple[str, ...], settings: Sequence[tuple[str, ...]]) -> str:
    """What tells a panel from the others, a line each: the network, and what else differs."""
    lines = [setting[0]]
    for at, key in list(enumerate(KEYS))[1:]:
        words = [one[at].partition(" (")[0] if key == "data" else one[at] for one in settings]  # label_rule has its own
        if len(set(words)) > 1:
            mine = words[settings.index(setting)]
            lines.append(mine if key == "data" else f"{_WORDS[key]} {mine}")
    return "\n".join(lines)
