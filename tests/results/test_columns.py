"""How the tables print a metric is read from the cell, and anybody may have written what stands there."""

import copy
from dataclasses import asdict

import pytest
from metric_facts import metric_facts

from bench.metrics.column import ScoreColumn
from bench.results import columns


def test_a_cell_has_the_columns_that_its_metrics_describe_and_no_others() -> None:
    told = metric_facts()
    described = columns.columns({"metrics": told})
    assert list(described) == list(told) and described["psnr"].unit == "dB"
    assert columns.columns({}) == columns.columns({"metrics": {"mse": {"net": None}}}) == {}


@pytest.mark.parametrize("group", ["image", "text", "table", "series"])
def test_a_column_comes_back_as_the_metric_described_it(group: str) -> None:
    told = metric_facts(group)
    kept = copy.deepcopy(told)
    for key, column in columns.columns({"metrics": told}).items():
        assert asdict(column) == {**told[key]["column"], "title": told[key]["column"]["title"] or key.replace("_", " ")}
    assert told == kept


def test_what_cannot_be_printed_becomes_the_default() -> None:
    """A report goes on: nobody can print 10,000 digits, or an arrow of another direction than up and down."""

    def column(**stored: object) -> ScoreColumn:
        return columns.columns({"metrics": {"own_score": {"column": {"estimand": "mean", **stored}}}})["own_score"]

    assert column() == ScoreColumn(title="own score")
    assert column(title=None, unit=None, shown=None, another="field") == ScoreColumn(title="own score")
    assert [column(places=places).places for places in (0, 17, 10_000, None)] == [0, 17, 17, None]
    assert [column(direction=word).direction for word in ("up", "down", "left", None)] == ["up", "down", "", ""]
    assert [column(short=word).short for word in ("own", "", None)] == ["own", "", None]
