"""A metric of a user's own has its column in every table, and says itself how it is printed."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bench.metrics.base import Batch, SampleMetric
from bench.metrics.column import ScoreColumn
from bench.metrics.mse import MeanSquaredError
from bench.metrics.scorer import Scorer
from bench.report import page
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.terminal.overview import summary as drawn

LABELS = {"attack": "idlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "B"}


class Contrast(SampleMetric):
    """How much contrast is lost."""

    unit = "percent of the range"
    higher_is_better = False
    value_range = (0.0, 100.0)
    column = ScoreColumn("lost contrast", unit="%", places=2, short="contrast")

    def score(self, guess: Batch, truth: Batch) -> torch.Tensor:
        spread = [side.inputs.double().flatten(2) for side in (guess, truth)]
        high, low = [each.amax(2) - each.amin(2) for each in spread]
        return 100 * (high - low).abs()


class Undescribed(Contrast):
    """Says nothing of its column."""

    column = ScoreColumn()


class Found(Contrast):
    """A rate: whether the contrast is kept."""

    higher_is_better = True
    column = ScoreColumn("contrast kept", "rate", places=1)

    def score(self, guess: Batch, truth: Batch) -> torch.Tensor:
        return (super().score(guess, truth) < 50).double()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, page.Report]:
    """A cell of six victims, one of which failed, that was scored with three metrics of the user's own."""
    root = tmp_path_factory.mktemp("own")
    scorer = Scorer({"mse": MeanSquaredError(True), "contrast": Contrast(), "my_own": Undescribed(), "kept": Found()})
    cell = Store(root).cell(StoredLeak, "idlg-mnist", "0" * 16, {"labels": LABELS, "metrics": scorer.facts()})
    random = torch.Generator().manual_seed(0)
    truth, guess = (torch.rand(6, 1, 1, 8, 8, generator=random) for _ in range(2))
    guess = guess * torch.tensor([0.9, 0.8, 0.7, 0.6, 0.3, 0.2]).view(6, 1, 1, 1, 1)
    sides = [Batch.clipped(images, torch.zeros(6, 1, dtype=torch.int64)) for images in (guess, truth)]
    values = {key: metric.score(*sides)[:, 0].tolist() for key, metric in scorer._each()}
    rows = [{"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0} for v in range(6)]
    scored = [{**row, **{key: value[v] for key, value in values.items()}} for v, row in enumerate(rows)]
    ends = ["converged"] * 5 + ["diverged"]
    cell.append([{"victim": v, "status": end, "batch_size": 1} for v, end in enumerate(ends)], scored)
    return root, page.write(root)


def test_its_column_is_in_every_format(written: tuple[Path, page.Report]) -> None:
    root, made = written
    (document,) = made.summaries
    figure = f"{document['contrast']['mean']:.2f}"
    markdown, latex = ((root / f"leaderboard.{form}").read_text() for form in ("md", "tex"))
    assert "| lost contrast, mean ↓ (%) |" in markdown and f"| {figure}<br><sub>" in markdown
    assert r"& lost contrast, mean $\downarrow$ (\%) &" in latex and rf"& {figure} {{\scriptsize [" in latex
    with open(root / "leaderboard.csv", newline="") as file:
        (line,) = csv.DictReader(file)
    assert float(line["contrast"]) == document["contrast"]["mean"] and line["contrast_n"] == "6"
    header, _, row = made.text.splitlines()[1:4]
    assert dict(zip(header.split(), re.split(r" {2,}", row)))["contrast↓"] == figure
    console = Console(width=160, record=True)
    console.print(drawn(document))
    assert "lost contrast (%)" in console.export_text()


def test_a_metric_that_says_nothing_is_printed_under_its_key(written: tuple[Path, page.Report]) -> None:
    root, made = written
    assert "| my own, mean ↓ |" in (root / "leaderboard.md").read_text() and "my own↓" in made.text
    assert made.summaries[0]["my_own"]["mean"] == made.summaries[0]["contrast"]["mean"]


def test_a_rate_counts_every_sample_and_no_failed_victim(written: tuple[Path, page.Report]) -> None:
    """The first four keep half of the contrast; the last, which would not, diverged."""
    root, made = written
    kept = made.summaries[0]["kept"]
    assert (kept["n"], kept["estimand"], kept["method"]) == (6, "rate", "Wilson")
    assert "| contrast kept, rate ↑ |" in (root / "leaderboard.md").read_text()


def test_metrics_that_were_not_scored_have_no_column(written: tuple[Path, page.Report]) -> None:
    root, made = written
    for text in ((root / "leaderboard.md").read_text(), (root / "leaderboard.csv").read_text(), made.text):
        assert "psnr" not in text.lower() and "ssim" not in text.lower()


@pytest.mark.slow
def test_a_report_needs_no_torch() -> None:
    code = "import sys, bench.report.page; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
