"""A figure for a paper: how much leaks at each epoch of a model's training."""

import re
from collections.abc import Sequence
from pathlib import PurePath

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.errors import UserError
from bench.report.paper_figures import legend, line_style, name, plot_of
from bench.report.table import Missing, Value
from bench.report.table_order import measures_of
from bench.report.table_rows import TableRow
from bench.terminal.printable import drawable

_EPOCH = re.compile(r"epoch[^0-9]{0,2}(\d+)", re.IGNORECASE)
_SHOWN_AS_EPOCH = (
    "checkpoint",
    "per_victim",
)  # without a checkpoint, each victim has a model


def epochs(rows: Sequence[TableRow], width: float, font: float, metric: str) -> Figure:
    """A metric against the epoch of the attacked model, with 95 % intervals; a line per attack.

    The epoch is the number behind `epoch` in the name of `model.checkpoint` (`epoch_3.pt`, `epoch=3-step=200.ckpt`). A
    model without a checkpoint is untrained, which is epoch 0.

    Args:
        rows: the cells; several seeds of one row are pooled.
        width: of the figure in inches.
        font: its size in points.
        metric: a column of the board with a figure, such as `psnr`.

    Raises:
        UserError: the metric is unknown, a checkpoint's name has no epoch, or no attack has two epochs.
    """
    known = measures_of(rows)
    if metric not in known:
        raise UserError(f"--metric {metric}: the results have {', '.join(known)}")
    measure = known[metric]
    lines: dict[str, dict[int, Value]] = {}
    for row in rows:
        value = row.figure(measure)
        if isinstance(value, Missing):
            continue
        own = lines.setdefault(name(row, rows, _SHOWN_AS_EPOCH), {})
        epoch = _epoch(row)
        if epoch in own:
            raise UserError(f"{name(row, rows, _SHOWN_AS_EPOCH)} has two rows of epoch {epoch}; choose with --rows")
        own[epoch] = value
    lines = {label: found for label, found in lines.items() if len(found) > 1}
    if not lines:
        raise UserError("no attack ran on two epochs of a model; run one with model.checkpoint=epoch_1.pt,epoch_2.pt")
    figure, axes = plot_of(width, font)
    for which, (label, found) in enumerate(lines.items()):
        at = sorted(found)
        axes.plot(at, [found[epoch].mean for epoch in at], label=drawable(label), markersize=4, **line_style(which))
        for epoch in at:
            low, high = found[epoch].low, found[epoch].high
            if low is not None and high is not None:
                axes.plot([epoch, epoch], [low, high], color=line_style(which)["color"], linewidth=0.8)
    axes.set_xlabel("epoch of the model that is attacked", fontsize=font)
    axes.set_ylabel(f"{measure.title}\nover victims, 95 % interval", fontsize=font)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, font)
    return figure


def _epoch(row: TableRow) -> int:
    checkpoint = (row.first.cell.facts["config"].get("model") or {}).get("checkpoint")
    if checkpoint is None:
        return 0
    found = _EPOCH.search(PurePath(str(checkpoint)).name)
    if found is None:
        raise UserError(f"model.checkpoint={checkpoint}: its name has no epoch; call such files epoch_1.pt, epoch_2.pt")
    return int(found[1])
