"""What a reader may ask of a column or of an ending is answered in full sentences, and only with what is known."""

import pytest

from bench.messages.status import Status
from bench.modalities.images import MODALITY as IMAGES
from bench.modalities.sentences import MODALITY as SENTENCES
from bench.report.ended import in_words
from bench.report.html.words import ARXIV, about, endings, help_of
from bench.report.measures import Measure, measures

PSNR = Measure("psnr", ("psnr",), "PSNR, mean", "up", "dB", 1)


def test_a_metric_is_described_by_its_facts() -> None:
    facts = {
        "values": [0, 100],
        "range": [0.0, 1.0],
        "unit": "dB",
        "net": "alex",
        "size": None,
        "column": {"title": "x"},
    }
    assert help_of(PSNR, facts) == (
        "PSNR in dB, a comparison of each reconstruction with the truth. It lies between 0 and 100. The figure is the "
        "mean over all samples that have a score. Settings: net alex. A higher value means that more private data "
        "leaks."
    )


@pytest.mark.parametrize(("values", "said"), [([0, None], " It is at least 0."), ([None, None], ""), (None, "")])
def test_a_bound_that_is_not_known_is_not_said(values: list | None, said: str) -> None:
    error = Measure("mse", ("mse",), "MSE, geometric mean", "down")
    assert help_of(error, {"values": values}) == (
        f"MSE, a comparison of each reconstruction with the truth.{said} The figure is the geometric mean over all "
        "samples that have a score. A lower value means that more private data leaks."
    )


def test_a_rate_says_what_a_failure_counts() -> None:
    exact = Measure("exact_match", ("exact_match",), "exact match, rate", "up")
    assert "A sample without a score, or of a failed victim, is no success." in help_of(exact, {})


def test_a_figure_without_a_better_end_has_none() -> None:
    assert "leaks" not in help_of(Measure("seconds_per_victim", (), "time, mean"), {})


@pytest.mark.parametrize("kind", [IMAGES, SENTENCES], ids=["images", "sentences"])
def test_columns_that_every_board_has_are_not_described_as_metrics(kind) -> None:
    columns = measures(kind, [])
    assert len({help_of(measure, {}) for measure in columns}) == len(columns) >= 4
    assert not [measure.key for measure in columns if "a comparison of each reconstruction" in help_of(measure, {})]


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.value)
def test_every_ending_is_explained(status: Status) -> None:
    (line,) = endings({status.value: 1200})
    assert line == f"1,200 victims ended with the status “{in_words(status.value)}”: {status.sentence}."


def test_an_ending_of_another_version_is_shown_as_it_is() -> None:
    assert endings({"gave_up": 1}) == ["1 victim ended with the status “gave up”."]


def test_parts_are_described_by_their_own_files() -> None:
    assert about({"defense": {"_target_": "bench.defenses.noise.Gaussian"}, "model": {}, "attack": None}).keys() == {
        "defence"
    }
    nodes = {group: {"_target_": "bench.attacks.dlg.DLG"} for group in ("model", "defense", "data", "attack")}
    assert list(about(nodes)) == ["attack", "data", "model", "defence"]


@pytest.mark.parametrize("target", ["mine.attacks.Attack", "bench.attacks.none.Attack", "tests.page_cells.Kind", None])
def test_what_is_not_of_this_package_is_not_read(target: str | None) -> None:
    assert about({"attack": {"_target_": target}}) == {}


@pytest.mark.parametrize(("text", "found"), [("1906.08935", ["1906.08935"]), ("v0.83000 (12345.67890)", [])])
def test_what_the_number_of_a_paper_is(text: str, found: list[str]) -> None:
    assert ARXIV.findall(text) == found
