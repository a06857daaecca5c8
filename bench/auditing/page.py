"""An audit as one HTML page with everything in it, which loads nothing and has no script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from bench import __version__
from bench.auditing.categories import CategoryColumns
from bench.auditing.defended import line_of
from bench.auditing.sentences import headline
from bench.auditing.verdict import Verdict
from bench.config.explain import explain, find
from bench.report.html.pictures import strip
from bench.report.html.render import environment, hashed, styles
from bench.storage.atomic import unwritable, write_text

if TYPE_CHECKING:
    from bench.auditing.report import Audit

_HERE = Path(__file__).parent
_VALUES = 12  # of an input that is no picture, as many are shown
_WIDE, _HIGH, _CURVES = 200.0, 60.0, 3  # of the drawing of a signal, and the channels that are drawn
_USUAL = ("gaussian", "pruning", "dp_sgd")  # defences that are named if none was compared
_CLASSES = {Verdict.LEAKS: "leaks", Verdict.PARTLY: "partly", Verdict.NOTHING_FOUND: "open"}


@dataclass(frozen=True)
class ShownInput:
    """One input as it is shown: a picture, curves, or numbers.

    Args:
        picture: a data URI; None if the input is no image.
        curves: points of polylines, for a signal.
        values: numbers, for anything else.
    """

    picture: str | None = None
    curves: tuple[str, ...] = ()
    values: str = ""


def write(report: Audit, path: Path, pictures: bool) -> Path:
    """Writes the page.

    Args:
        report: the audit.
        path: the file.
        pictures: whether private inputs are on the page.

    Raises:
        UserError: the file cannot be written.
    """
    path = path.expanduser()
    content = page(report, pictures)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error, "path") from error
    write_text(path, content)
    return path


def page(report: Audit, pictures: bool) -> str:
    """The page as text.

    Args:
        report: the audit.
        pictures: whether private inputs are on the page.
    """
    style = f"{styles('tokens.css', 'page.css')}\n{(_HERE / 'page.css').read_text(encoding='utf-8')}"
    policy = f"default-src 'none'; style-src {hashed(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        environment(_HERE)
        .get_template("page.html.j2")
        .render(
            report=report,
            headline=headline(report).partition(": ")[2],
            css_class=_CLASSES[report.verdict],
            examples=[_example(report, place, pictures) for place in range(len(report.examples))],
            scores=list(report.scores),
            pictures=pictures,
            lines=[line_of(report, report.setting.defense or "none", ""), *report.defended],
            usual=[(name, explain(option).description) for name in _USUAL if (option := find(f"defense={name}"))],
            wide=_WIDE,
            high=_HIGH,
            policy=policy,
            style=Markup(style),
            version=__version__,
            figure=figure,
        )
    )


def figure(value: float | None) -> str:
    """A number in a table.

    >>> figure(0.01234), figure(float("nan")), figure(float("inf"))
    ('0.0123', 'n/a', 'infinite')
    """
    if value is None or math.isnan(value):
        return "n/a"
    return "infinite" if math.isinf(value) else f"{value:.3g}"


def _example(report: Audit, place: int, pictures: bool) -> dict[str, Any]:
    one = report.examples[place]
    return {
        "number": place + 1,
        "found": one.found.value,
        "share": one.share,
        "control": one.best_control,
        "scores": [float(values[place]) for values in report.scores.values()],
        "truth": _shown(report, 0, place) if pictures else None,
        "guess": _shown(report, 1, place) if pictures else None,
    }


def _shown(report: Audit, which: int, place: int) -> ShownInput:
    """An input of the truth (0) or of the reconstruction (1)."""
    if report.pictures is not None:
        return ShownInput(picture=strip([report.pictures[which, place].detach().float().cpu().numpy()]))
    pair = [value[place].detach().float().cpu().numpy() for value in (report.truth, report.inputs)]
    if report.setting.kind == "signals":
        return ShownInput(curves=_curves(pair[which], pair[0]))
    cells = _cells(pair[which].flatten(), report.setting.categories)
    more = f" and {len(cells) - _VALUES} more" if len(cells) > _VALUES else ""
    return ShownInput(values=", ".join(cells[:_VALUES]) + more)


def _cells(numbers: np.ndarray, categories: tuple[tuple[int, ...], ...]) -> list[str]:
    """Numbers in words; of a category, the column that is the largest.

    >>> _cells(np.array([0.25, 0.0, 1.0, 0.0]), ((1, 2, 3),))
    ['0.25', 'column 2 (of 1, 2, 3)']
    """
    words = []
    for run in CategoryColumns(categories, len(numbers)).runs:
        largest = max(run, key=numbers.__getitem__)
        several = f"column {largest} (of {', '.join(map(str, run))})"
        words.append(several if len(run) > 1 else figure(float(numbers[largest])))
    return words


def _curves(signal: np.ndarray, truth: np.ndarray) -> tuple[str, ...]:
    """Points of the first channels of a signal `[C, T]`, on the scale of the truth."""
    low, high = float(truth.min()), float(truth.max())
    steps = np.linspace(0, _WIDE, signal.shape[1])
    found = []
    for channel in signal[:_CURVES]:
        heights = _HIGH * (1 - (np.nan_to_num(channel) - low) / (high - low or 1.0))
        found.append(" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(steps, heights.clip(-_HIGH, 2 * _HIGH))))
    return tuple(found)
