"""Examples in words: in the order of the truth, without a guess where there is none, and the curve beside them."""

import json

import torch

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.series.scorer import SeriesScorer
from bench.modalities.wording import record_words

IDS = torch.tensor([3, 5])
TRUTH = torch.arange(8.0).view(2, 2, 1, 2)


def record(kept: list[int]) -> tuple[list[dict], dict | None]:
    """Two victims of two series each, the second of which failed; the guess of the first is in another order."""
    labels = torch.zeros(2, 2, dtype=torch.int64)
    victims = Victims(TRUTH, labels, IDS, labels, torch.zeros(2, dtype=torch.int64))
    inputs = TRUTH[:, [1, 0]].clone()
    inputs[1] = torch.nan
    made = Reconstruction.of_claim(IDS, inputs, labels, [Status.BUDGET, Status.NONFINITE])
    made.trace = {"moments": torch.tensor([[0, 7], [0, -1]]), "images": torch.stack([0 * TRUTH, inputs], 1)}
    made.trace |= {"curve_at": torch.tensor([[0, 7], [0, -1]]), "curve": torch.tensor([[1.0, 0.0], [2.0, 0.0]])}
    rows: list[dict] = [{} for _ in range(4)]
    scores = SeriesScorer({})(made, victims)
    return rows, record_words(rows, made, victims, scores, torch.tensor(kept), lambda one: str(one.flatten().tolist()))


def test_words_follow_the_truth_and_a_failed_victim_has_none_of_a_guess() -> None:
    rows, curve = record([0, 1])
    assert [row["text"] for row in rows] == ["[0.0, 1.0]", "[2.0, 3.0]", "[4.0, 5.0]", "[6.0, 7.0]"]
    assert [row["text_guess"] for row in rows] == ["[0.0, 1.0]", "[2.0, 3.0]", None, None]
    assert json.loads(rows[1]["text_trace"]) == [[0, "[0.0, 0.0]"], [7, "[2.0, 3.0]"]]
    assert len(json.loads(rows[2]["text_trace"])) == 1  # one moment, since the other place holds none
    assert curve is not None and curve["ids"].tolist() == [3, 5] and curve["curve"].tolist() == [[1, 0], [2, 0]]


def test_only_the_first_victims_are_kept() -> None:
    rows, curve = record([0])
    assert rows[2] == rows[3] == {} and curve is not None and curve["ids"].tolist() == [3]
    assert record([])[1] is None
