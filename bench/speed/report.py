"""Shows the document of `leakbench speed` as tables and as one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table

_UNITS = ("", "k", "M", "G", "T", "P")


def tables(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The measurements as tables, the most important one first."""
    yield _contest(document)
    if document["seconds_per_success_ratios"] is not None:
        yield _thresholds(document)
    yield _machine(document)
    yield _chunks(document)
    if document["workers"] is not None:
        yield _workers(document["workers"])
    if document["scale"] is not None:
        yield _scale(document["scale"])


def sentence(document: Mapping[str, Any]) -> str:
    """The main result in one sentence."""
    text = f"the engine does {document['ratio']:.1f} times the evaluations per second of the published loop"
    ratio = document["seconds_per_success_ratio"]
    if ratio is not None:
        text += f", and needs {ratio:.1f} times fewer seconds for a success"
    return text


def _contest(document: Mapping[str, Any]) -> Table:
    cell = f"attack={document['attack']} data={document['data']} model={document['model']}"
    columns = ("", "threads", "eval/s", "ratio", "s/success", "successes", "compile s")
    turns = f"medians of {document['rounds']} turns of {document['seconds']:g} s"
    table = _table(f"{cell}; {turns}", columns)
    loop, engine = document["loop"], document["engine"]
    best = loop["evaluations_per_second"]
    for row in loop["by_threads"]:
        whole = loop if row["threads"] == loop["threads"] else {}
        table.add_row(*_row("published loop", row, row["evaluations_per_second"] / best, whole), "")
    table.add_row(*_row(_named(engine), engine, document["ratio"], engine), _seconds(engine))
    for one in document["variants"]:
        table.add_row(*_row("  " + " ".join(one["overrides"]), one, one["ratio"], {}), _seconds(one))
    return table


def _named(engine: Mapping[str, Any]) -> str:
    if engine["one_by_one"]:
        return "engine, one by one"
    return f"engine, chunk {engine['chunk']}" + (", own convolutions" if engine["own_convolutions"] else "")


def _row(name: str, row: Mapping[str, Any], ratio: float, whole: Mapping[str, Any]) -> tuple[str, ...]:
    per, runs = whole.get("seconds_per_success"), whole.get("whole_runs")
    return (
        name,
        str(row["threads"]),
        f"{row['evaluations_per_second']:,.0f}",
        f"{ratio:.2f}",
        "" if runs is None else "none" if per is None else f"{per:.3g}",
        "" if runs is None else f"{runs['successes']} of {runs['images']}",
    )


def _thresholds(document: Mapping[str, Any]) -> Table:
    """What a success costs at each threshold, whole runs counted, and the share of images that are successes."""
    named = [("published loop", document["loop"]), (_named(document["engine"]), document["engine"])]
    named += [("  " + " ".join(one["overrides"]), one) for one in document["variants"]]
    columns = [f"MSE <= {row['mse']:g}" for row in document["engine"]["thresholds"]]
    title = "seconds per success in whole runs (share of images)"
    table = _table(title, ("", "images", "evaluations", *columns))
    for name, one in named:
        runs = one["whole_runs"]
        entries = [_needs(row, runs["images"]) for row in one["thresholds"]]
        table.add_row(name, str(runs["images"]), f"{runs['evaluations_per_victim']:,.0f}", *entries)
    ratios = ("" if ratio is None else f"{ratio:.1f}" for ratio in document["seconds_per_success_ratios"])
    table.add_row("loop over engine", "", "", *ratios)
    return table


def _needs(row: Mapping[str, Any], images: int) -> str:
    per = row["seconds_per_success"]
    return "none" if per is None else f"{per:.3g} ({row['successes'] / images:.2f})"


def _machine(document: Mapping[str, Any]) -> Table:
    table = _table(f"{document['device']}; {document['processor']}; torch {document['torch']}", ("", "value"))
    flops = document["flops"]
    table.add_row("floating-point operations per evaluation", f"{scaled(document['flops_per_evaluation'])}flop")
    table.add_row("  of the objective and its gradient", f"{scaled(flops['matching'])}flop")
    table.add_row("  of the direction, history full", f"{scaled(flops['history'])}flop")
    table.add_row("matrix products, best measured", f"{scaled(document['matmul_rate'])}flop/s")
    table.add_row("  the engine's share of it", f"{100 * document['share_of_matmul']:.2g} %")
    table.add_row("memory, best measured", f"{scaled(document['bandwidth'])}B/s")
    seen: set[int] = set()
    for one in document["history_traffic"]:
        if one["evaluations_per_second_limit"] is None or one["history"] in seen:
            continue
        seen.add(one["history"])
        table.add_row(f"history of {one['history']}, bytes per evaluation", f"{scaled(one['bytes_per_evaluation'])}B")
        table.add_row("  evaluations/s that memory allows", f"{one['evaluations_per_second_limit']:,.0f}")
        table.add_row("  reached", f"{100 * one['share_of_limit']:.0f} %")
    for kind, peak in (document["peak_memory"] or {}).items():
        of = f", {scaled(peak['before_bytes'])}B before it began"
        table.add_row(f"peak memory, {kind}", f"{scaled(peak['peak_bytes'])}B{of}")
    for what, reason in document["reasons"].items():
        table.add_row(what.replace("_", " "), reason)
    return table


def _chunks(document: Mapping[str, Any]) -> Table:
    table = _table("chunk sizes", ("chunk", "threads", "eval/s", "ratio", "compile s"))
    for row in document["chunks"]:
        rate = f"{row['evaluations_per_second']:,.0f}"
        table.add_row(str(row["chunk"]), str(row["threads"]), rate, f"{row['ratio']:.2f}", _seconds(row))
    return table


def _workers(workers: Mapping[str, Any]) -> Table:
    title = f"{workers['cores']} cores: apart does {workers['ratio']:.2f} times as much as together"
    table = _table(title, ("", "processes", "threads each", "eval/s of all"))
    for name in ("together", "apart"):
        side = workers[name]
        rate = f"{side['evaluations_per_second']:,.0f}"
        table.add_row(name, str(side["processes"]), str(side["threads"]), rate)
    return table


def _scale(scale: Mapping[str, Any]) -> Table:
    columns = ("victims", "seconds", "per further victim", "peak memory", "per further victim")
    table = _table(f"a tiny model: memory grows {scale['memory_growth']:.2f} times", columns)
    further = zip(scale["seconds_per_further_victim"], scale["bytes_per_further_victim"])
    slopes = [("", ""), *((f"{1000 * time:.2f} ms", f"{scaled(size)}B") for time, size in further)]
    for row, (time, size) in zip(scale["rows"], slopes):
        table.add_row(f"{row['victims']:,}", f"{row['seconds']:.1f}", time, f"{scaled(row['peak_bytes'])}B", size)
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 and column != "chunk" else "right")
    return table


def _seconds(row: Mapping[str, Any]) -> str:
    return f"{row['compile_seconds']:.1f}" if row["compiled"] else "eager"


def scaled(value: float) -> str:
    """A number with three significant digits and the prefix of its unit.

    >>> scaled(12_345_678), scaled(950)
    ('12.3 M', '950 ')
    """
    steps = 0
    while value >= 999.5 and steps < len(_UNITS) - 1:
        value, steps = value / 1000, steps + 1
    return f"{value:.3g} {_UNITS[steps]}"
