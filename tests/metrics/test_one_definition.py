"""What Lightning logs as a mean and what the tables print are one definition, failed victims included."""

import json
from pathlib import Path

import pytest
import torch

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.label_accuracy import LabelAccuracy
from bench.metrics.psnr import PeakSignalToNoiseRatio
from bench.metrics.scorer import Scorer
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summary
from bench.running.recorder import sample_rows

STATUS = [Status.CONVERGED, Status.BUDGET, Status.DIVERGED, Status.NONFINITE, Status.ERROR]
LABELS = dict.fromkeys(("attack", "data", "model", "defense", "threat"), "x")


def stored(root: Path, guess: Reconstruction, truth: Victims, scorer: Scorer) -> dict:
    """The table's figures of what the scorer says."""
    cell = Store(root).cell(StoredLeak, "x", "0" * 16, {"labels": LABELS, "metrics": scorer.facts()})
    size = truth.labels.shape[1]
    victims = [{"victim": v, "status": word.value, "batch_size": size} for v, word in enumerate(guess.status)]
    cell.append(victims, sample_rows(truth, scorer(guess, truth)))
    return json.loads(json.dumps(summary(cell), allow_nan=False))


@pytest.mark.parametrize("claimed", [[[1, 2], [1, -1], [0, 1], [0, 1], [0, 1]], [[-1, -1]] * 5], ids=["some", "none"])
def test_the_log_and_the_table_agree(tmp_path: Path, claimed: list[list[int]]) -> None:
    """Right in place, half claimed, diverged, not finite, crashed: 2 + 1 + 2 of 10; or no claim of anybody's."""
    inputs = torch.rand(5, 2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, 2], [1, 2], [0, 1], [0, 1], [0, 1]])
    truth = Victims(inputs, labels, torch.arange(5), torch.arange(10).view(5, 2), torch.zeros(5, dtype=torch.int64))
    zeros = torch.zeros(5)
    guess = Reconstruction(
        torch.arange(5), inputs + 0.01, torch.tensor(claimed), zeros, zeros.long(), zeros.long(), zeros, STATUS
    )
    scorer = Scorer({"label_accuracy": LabelAccuracy(), "psnr": PeakSignalToNoiseRatio(cap=100.0)})
    table = stored(tmp_path, guess, truth, scorer)
    logged = scorer.means()
    assert logged["psnr"] == pytest.approx(table["psnr"]["mean"]) and table["psnr"]["n"] == 6
    if claimed[0][0] < 0:
        assert logged["label_accuracy"] is None and table["label_accuracy"] is None
    else:
        assert logged["label_accuracy"] == pytest.approx(table["label_accuracy"]["mean"]) == pytest.approx(0.5)
        assert table["label_overlap"]["mean"] == pytest.approx(0.5)


def test_a_failed_victim_recovers_no_sentence_in_the_log_either(tmp_path: Path) -> None:
    """The rate of the table counts every sentence; a diverged victim's exact one is none."""
    from bench.metrics.text.exact_match import ExactMatch

    metric = ExactMatch()
    scores = torch.tensor([[1.0, 0.0], [1.0, 1.0], [torch.nan, torch.nan]])
    metric.update(None, None, scores, torch.tensor([False, True, True]))
    facts = {"data": {"modality": "sentences"}, "metrics": {"exact_match": metric.facts()}}
    cell = Store(tmp_path).cell(StoredLeak, "x", "0" * 16, {"labels": LABELS, **facts})
    words = ["converged", "diverged", "nonfinite"]
    rows = [
        {"victim": v, "position": b, "sample": b, "label": -1, "label_guess": -1, "exact_match": float(scores[v, b])}
        for v in range(3)
        for b in range(2)
    ]
    cell.append([{"victim": v, "status": word, "batch_size": 2} for v, word in enumerate(words)], rows)
    assert metric.compute().item() == pytest.approx(summary(cell)["exact_match"]["mean"]) == pytest.approx(1 / 6)
