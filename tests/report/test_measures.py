"""The columns of a board: those that every cell has, and one per metric that a cell of it has, in the kind's order."""

import pytest
from metric_facts import metric_columns

from bench.metrics.column import ScoreColumn
from bench.modalities.images import MODALITY as IMAGES
from bench.modalities.sentences import MODALITY as SENTENCES
from bench.report.measures import Measure, measures
from bench.results.columns import columns

OWN = ScoreColumn("own", "rate", "%", 1, "o", True, True, "up")


def test_the_columns_of_images_stand_as_their_kind_says() -> None:
    described = columns({"metrics": metric_columns()})
    shown = [key for key, column in described.items() if column.shown]
    assert {"mse", "psnr", "ssim"} <= set(shown) < set(described)
    assert [measure.key for measure in measures(IMAGES, [described])] == [
        "success_1e-2",
        "success_1e-3",
        "success_1e-4",
        "label_accuracy",
        "label_overlap",
        *shown,
        "evaluations_per_victim",
        "seconds_per_victim",
    ]


def test_sentences_have_their_scores_first_and_no_success_rates() -> None:
    keys = [measure.key for measure in measures(SENTENCES, [{"own": OWN}])]
    assert keys == ["own", "label_accuracy", "label_overlap", "evaluations_per_victim", "seconds_per_victim"]


def test_a_column_is_that_of_the_first_cell_which_has_the_metric() -> None:
    """One header stands above the cells of all, also if one cell was stored by another version of the metric."""
    found = measures(SENTENCES, [{}, {"a": OWN}, {"b": ScoreColumn(title="b"), "a": ScoreColumn(title="later")}])
    assert found[:2] == (
        Measure("a", ("a",), "own, rate", "up", "%", 1, short="o", bounds=True),
        Measure("b", ("b",), "b, mean", "", "", 3, short="b"),
    )


@pytest.mark.parametrize(("short", "words"), [(None, ""), ("", "own"), ("o", "o")])
def test_a_terminal_shows_a_metric_under_its_short_name_or_not_at_all(short: str | None, words: str) -> None:
    (found, *_) = measures(SENTENCES, [{"own": ScoreColumn(title="own", short=short)}])
    assert found.short == words


def test_the_first_success_rate_alone_is_in_a_terminal() -> None:
    rates = measures(IMAGES, [])[:3]
    assert [(rate.short, rate.bounds) for rate in rates] == [("MSE≤1e-2", True), ("", False), ("", False)]
    assert {rate.better for rate in rates} == {"up"}


def test_a_value_is_found_where_the_summary_has_it() -> None:
    rate, own = {"mean": 0.5, "low": 0.1, "high": 0.9, "n": 2}, {"mean": 7.0}
    summary = {"victims": 8, "other": {"seconds_per_victim": own}, "success_rate": {"1e-2": rate}, "mse": None}
    summary |= {"evaluations_per_victim": 40.5, "seconds_per_victim": 1.0}
    assert Measure("x", ("success_rate", "1e-2"), "").value(summary) is rate
    assert Measure("x", ("success_rate", "1e-9"), "").value(summary) is None
    assert Measure("mse", ("mse", "deeper"), "").value(summary) is None
    plain = Measure("evaluations_per_victim", ("evaluations_per_victim",), "").value(summary)
    assert plain == {"mean": 40.5, "low": None, "high": None, "n": 8, "estimand": "mean", "method": None}
    # a metric of a user's own may have the name of another entry: its score is never mistaken for that
    assert Measure("seconds_per_victim", ("seconds_per_victim",), "").value(summary) is own
