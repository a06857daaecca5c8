"""Shows a cell in the terminal: an overview before it runs, and its scores afterwards."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bench.terminal.printable import visible

SURVIVORS = "† over survivors: samples without a reconstruction have no such score and are left out"
LABELS = ("label_accuracy", "label_overlap")
LABEL_FIGURES = {
    "label_overlap": "labels right (multiset overlap)",
    "batches_right": "batches with every label right",
    "class_set": "class sets right",
    "class_precision": "claimed classes that occur",
    "class_recall": "occurring classes claimed",
    "batch_size_right": "batch sizes inferred",
}


def overview(facts: Mapping[str, Any]) -> RenderableType:
    """The overview of a cell before it runs, one line per fact, in the given order.

    Args:
        facts: {name: value}, such as attack, threat, victims, model, parameters, data, metrics, device, results. A
            mapping of booleans is shown as a list of what is granted, a list is joined with commas, and null is left
            out.
    """
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None:
            table.add_row(Text(visible(name.replace("_", " "))), Text(visible(_words(value))))
    return Panel(table, title="leakbench", title_align="left", expand=False)


def summary(document: Mapping[str, Any]) -> RenderableType:
    """The scores of a cell's JSON document as a table: estimand, figure, interval and method, or the reason for a gap.

    If some samples lack a score, its n is followed by the number of all samples and a dagger.
    """
    name = " ".join(f"{key}={document[key]}" for key in ("attack", "data", "model", "defense", "threat"))
    title = f"{name}: {document['victims']} victims, {document['failures']} failed"
    title = visible(title)
    table = Table(title=Text(title), title_justify="left", title_style="bold", min_width=len(title))
    for column in ("score", "figure", "95 % interval", "n", "method"):
        table.add_column(column, justify="right" if column in ("figure", "95 % interval", "n") else "left")
    reasons, survivors = document.get("reasons", {}), False
    for label, value, key in _scores(document):
        if value is None and key == "label_overlap":
            continue  # the row of the accuracy says why
        if value is None:
            table.add_row(label, "n/a", Text(visible(reasons.get(key, "")), overflow="fold"), "")
        else:
            label += f" ({value['estimand']})" if value.get("estimand") == "geometric mean" else ""
            method = value.get("method") or ""
            table.add_row(label, _number(value["mean"]), _interval(value), _count(value), method)
            survivors = survivors or bool(value.get("left_out"))
    for key in ("evaluations_per_victim", "seconds_per_victim"):
        if document.get(key) is not None:
            table.add_row(key.replace("_", " "), _number(document[key]), "", "")
    table.caption = SURVIVORS if survivors else None
    return table


def _count(value: Mapping[str, Any]) -> str:
    left_out = value.get("left_out") or 0
    return f"{value['n']} of {value['n'] + left_out} †" if left_out else str(value["n"])


def _scores(document: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """`(words, value, key of its reason)` of each score that such a cell has, in the order of the boards."""
    rates = document["success_rate"] or {}  # sentences have none
    found = [(f"success, MSE <= {bound}", rate, f"success_rate {bound}") for bound, rate in rates.items()]
    labels = [(key.replace("_", " "), document.get(key), key) for key in LABELS]
    further = document.get("other") or {}
    scores = [(_titled(known), further.get(key, document.get(key)), key) for key, known in document["metrics"].items()]
    return [*found, *labels, *scores] if rates else [*scores, *labels]


def _titled(metric: Mapping[str, str]) -> str:
    """What a metric is called in every table, with its unit."""
    return visible(metric["title"] + (f" ({metric['unit']})" if metric["unit"] else ""))


def training(document: Mapping[str, Any]) -> RenderableType:
    """The JSON document of a training as a table: the accuracy that is left under the defence, and its cost."""
    name = " ".join(f"{key}={document[key]}" for key in ("defense", "data", "model"))
    title = f"{name}: {document['runs']} runs, {document['diverged']} diverged"
    table = Table(title=Text(visible(title)), title_justify="left")
    for column in ("utility", "value", "95 % interval", "n"):
        table.add_column(column, justify="left" if column == "utility" else "right")
    accuracy = document["accuracy"]
    table.add_row("accuracy, over images", _number(accuracy["mean"]), _interval(accuracy), str(accuracy["n"]))
    over_runs = _interval(document["over_runs"])
    table.add_row("accuracy, over runs", _number(accuracy["mean"]), over_runs, str(document["runs"]))
    for key in ("seconds_per_step", "bytes_per_step", "steps", "epsilon", "delta"):
        if document[key] is not None:
            table.add_row(key.replace("_", " "), _number(document[key]), "", "")
    table.add_row("schedule", Text(visible(document["schedule"])), "", "")
    for file in document.get("checkpoints", ()):
        table.add_row("weights", Text(visible(file), overflow="fold"), "", "")
    return table


def labels(document: Mapping[str, Any]) -> RenderableType:
    """The JSON document of label inference as a table: what share is right, and the batch size that ranks show."""
    name = " ".join(f"{key}={document[key]}" for key in ("rule", "data", "model", "defense", "threat"))
    title = visible(f"{name}: {document['victims']} victims, {document['failures']} failed")
    table = Table(title=Text(title), title_justify="left", title_style="bold", min_width=len(title))
    for column in ("share", "figure", "95 % interval", "victims"):
        table.add_column(column, justify="left" if column == "share" else "right")
    table.add_row("batch size", str(document["batch_size"]), f"{document['label_rule']} labels", "")
    for key, words in LABEL_FIGURES.items():
        value = document[key]
        if value is None:
            table.add_row(words, "n/a", Text(visible(document["reasons"].get(key, "")), overflow="fold"), "")
        else:
            table.add_row(words, _number(value["mean"]), _interval(value), str(value["n"]))
    if sizes := document["inferred_batch_size"]:
        bound = f"{sizes['largest']} at most"
        table.add_row("batch size inferred (median)", _number(sizes["median"]), bound, "")
    if document["seconds_per_victim"] is not None:
        table.add_row("seconds per victim", _number(document["seconds_per_victim"]), "", "")
    return table


def limits(document: Mapping[str, Any]) -> RenderableType:
    """The JSON document of a cell of limits as a table: whether the inputs are determined, and the unbiased limit."""
    name = " ".join(f"{key}={document[key]}" for key in ("data", "model", "defense"))
    title = visible(f"{name}: {document['victims']} victims, {document['failures']} failed")
    table = Table(title=Text(title), title_justify="left", title_style="bold", min_width=len(title))
    for column in ("limit", "figure", "interval or range"):
        table.add_column(column, justify="left" if column == "limit" else "right")
    table.add_row("numbers of the inputs", _number(document["entries"]), "")
    table.add_row("numbers that are shared", _number(document["shared"]), "")
    if share := document["determined"]:
        table.add_row("victims that are determined, share", _number(share["mean"]), _interval(share))
    for key in ("jacobian_rank", "condition", "limit_mse"):
        if found := document[key]:
            title = "unbiased limit (MSE), median" if key == "limit_mse" else f"{key.replace('_', ' ')}, median"
            table.add_row(title, _number(found["median"]), _interval(found))
    if limit := document["limit_psnr"]:
        table.add_row("unbiased limit (dB), mean", _number(limit["mean"]), _interval(limit))
    elif reason := document["reasons"].get("limit_mse"):
        table.add_row("unbiased limit", "n/a", Text(visible(reason), overflow="fold"))
    if bayesian := document["bayesian_psnr"]:
        table.add_row("Bayesian limit (dB), mean", _number(bayesian["mean"]), _interval(bayesian))
    for key, words in {"std": "deviation of the noise", "mean_mse": "MSE of the data's mean image, median"}.items():
        if document[key] is not None:
            table.add_row(words, _number(document[key]), "")
    if document["informative"] is not None:
        table.add_row("victims whose limit is below that, share", _number(document["informative"]), "")
    if document["seconds_per_victim"] is not None:
        table.add_row("seconds per victim", _number(document["seconds_per_victim"]), "")
    return table


def identification(document: Mapping[str, Any]) -> RenderableType:
    """The JSON document of a cell of line-ups as a table: how often the private example is picked out."""
    name = " ".join(f"{key}={document[key]}" for key in ("data", "model", "defense"))
    title = visible(f"{name}: {document['victims']} victims, {document['failures']} failed")
    table = Table(title=Text(title), title_justify="left", title_style="bold", min_width=len(title))
    for column in ("line-up", "figure", "95 % interval"):
        table.add_column(column, justify="left" if column == "line-up" else "right")
    table.add_row("candidates", _number(document["candidates"]), "")
    table.add_row("draws of the defence's random numbers", _number(document["draws"]), "")
    if picked := document["picked"]:
        table.add_row("picked out, rate", _number(picked["mean"]), _interval(picked))
    table.add_row("chance, rate", _number(document["chance"]), "")
    if document["bound"] is not None:
        table.add_row("proven bound, rate", _number(document["bound"]), "")
    if document["seconds_per_victim"] is not None:
        table.add_row("seconds per victim", _number(document["seconds_per_victim"]), "")
    return table


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        yes = [str(key).replace("_", " ") for key, granted in value.items() if granted]
        no = [str(key).replace("_", " ") for key, granted in value.items() if not granted]
        return "; ".join(part for part in (", ".join(yes), "not: " + ", ".join(no) if no else "") if part)
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _interval(value: Mapping[str, Any]) -> str:
    if groups := value.get("groups"):
        return "medians " + ", ".join(f"{_number(group['mean'])} of {group['n']}" for group in groups.values())
    if value.get("low") is None:
        return ""
    return f"{_number(value['low'])} to {_number(value['high'])}"


# The table that shows a finished cell, by the kind of the cell (`bench.results.stored_cell.StoredCell.kind`).
VIEWS: dict[str, Callable[[Mapping[str, Any]], RenderableType]] = {
    "leak": summary,
    "training": training,
    "labels": labels,
    "limits": limits,
    "identification": identification,
}
