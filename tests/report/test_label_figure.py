"""Labels right by batch size: a panel per setting, a line per rule, and a figure only of what was measured."""

from typing import Any

import pytest

from bench.errors import UserError
from bench.report.label_figure import chosen, labels_right


def summary(rule: str, size: int, mean: float | None, model: str = "lenet5", **changed: Any) -> dict[str, Any]:
    """The document of a cell, as far as the figure reads it; None: the cell failed."""
    setting = {"data": "mnist", "label_rule": "random", "labels": "own", "defense": "none", "threat": "basic"}
    share = None if mean is None else {"mean": mean, "low": mean / 2, "high": mean}
    return {**setting, "model": model, "rule": rule, "batch_size": size, "label_overlap": share, **changed}


FOUND = [
    summary("yin", 16, 0.25),
    summary("yin", 1, 1.0),
    summary("yin", 4, 0.5),
    summary("ilrg", 1, 1.0),
    summary("ilrg", 4, 0.75),
    summary("ilrg", 16, None),
    summary("yin", 1, 0.5, model="resnet20"),
    summary("yin", 4, 0.25, model="resnet20"),
    summary("yin", 4, 0.125, defense="dp_sgd"),
]


def drawn(axes: Any) -> dict[str, tuple[list[float], list[float]]]:
    """`{rule: (batch sizes, shares)}` of a panel."""
    handles, names = axes.get_legend_handles_labels()
    return {name: (list(line.get_xdata()), list(line.get_ydata())) for line, name in zip(handles, names, strict=True)}


def test_a_line_per_rule_has_its_batch_sizes_in_order_and_no_cell_without_a_figure() -> None:
    figure = labels_right(FOUND, 7, 8)
    lenet5, resnet20 = figure.axes
    assert drawn(lenet5) == {"yin": ([1, 4, 16], [1.0, 0.5, 0.25]), "ilrg": ([1, 4], [1.0, 0.75])}
    assert drawn(resnet20) == {"yin": ([1, 4], [0.5, 0.25])}
    assert [axes.get_title() for axes in figure.axes] == ["lenet5", "resnet20"]
    assert [text.get_text() for text in figure.legends[0].texts] == ["yin", "ilrg"]


def test_the_95_percent_interval_stands_at_its_batch_size() -> None:
    lenet5 = labels_right(FOUND, 7, 8).axes[0]
    bars = {
        tuple(line.get_ydata()) for line in lenet5.lines if len(line.get_xdata()) == 2 and len({*line.get_xdata()}) == 1
    }
    assert {(0.125, 0.25), (0.25, 0.5), (0.375, 0.75), (0.5, 1.0)} == bars


def test_a_title_says_what_differs_between_panels() -> None:
    defended = [summary("yin", size, 0.5, defense="dp_sgd") for size in (1, 4)]
    titles = [axes.get_title() for axes in labels_right([*FOUND, *defended], 7, 8).axes if axes.axison]
    assert titles == ["lenet5\ndefence none", "resnet20\ndefence none", "lenet5\ndefence dp_sgd"]


def test_of_two_seeds_in_one_place_the_latest_counts() -> None:
    lenet5 = labels_right([*FOUND, summary("yin", 4, 0.9)], 7, 8).axes[0]
    assert drawn(lenet5)["yin"][1] == [1.0, 0.9, 0.25]


def test_rows_are_chosen_in_the_order_that_is_asked_for() -> None:
    rows = chosen(FOUND, {"rule": ["ilrg", "yin"], "model": ["lenet*"], "defense": ["none"], "B": ["1", "4"]})
    assert [(one["rule"], one["batch_size"]) for one in rows] == [("ilrg", 1), ("ilrg", 4), ("yin", 1), ("yin", 4)]


def test_an_unknown_key_and_a_single_batch_size_are_refused() -> None:
    with pytest.raises(UserError, match="--rows attack: cells of label inference have rule, B, model, data"):
        chosen(FOUND, {"attack": ["dlg"]})
    with pytest.raises(UserError, match="no label rule ran with two batch sizes; run leakbench suite labels"):
        labels_right(chosen(FOUND, {"defense": ["dp_sgd"]}), 7, 8)
