"""The shell: only finite scores count, and nobody can hand it images outside [0, 1] unnoticed."""

import json

import pytest
import torch

from bench.metrics.base import Batch, SampleMetric
from bench.metrics.mse import MeanSquaredError
from bench.metrics.psnr import PeakSignalToNoiseRatio

LABELS = torch.zeros(2, 3, dtype=torch.int64)


def batch(value: float) -> Batch:
    return Batch.clipped(torch.full((2, 3, 1, 4, 4), value), LABELS)


class FirstPixel(SampleMetric):
    """As an author would write one: a score and facts, nothing else."""

    unit = "pixel value"
    higher_is_better = True
    value_range = (None, None)

    def score(self, guess, truth):
        return guess.raw[:, :, 0, 0, 0]


def test_scores_that_are_not_finite_are_counted_nowhere():
    raw = torch.zeros(2, 3, 1, 4, 4)
    raw[:, :, 0, 0, 0] = torch.tensor([[1.0, float("nan"), 3.0], [float("inf"), 5.0, -float("inf")]])
    metric = FirstPixel()
    metric.update(Batch.clipped(raw, LABELS), batch(0.0))
    assert metric.compute().item() == 3.0 and metric.count.item() == 3


def test_the_mean_is_over_samples_and_not_over_batches():
    metric = MeanSquaredError(clip=True)
    metric.update(batch(1.0), batch(0.0))
    one = Batch.clipped(torch.zeros(1, 1, 1, 4, 4), LABELS[:1, :1])
    metric.update(one, one)
    assert metric.compute().item() == pytest.approx(6 / 7)
    metric.reset()
    metric.update(one, one)
    assert metric.compute().item() == 0.0


def test_update_returns_nothing_and_takes_scores_that_are_known():
    metric = MeanSquaredError(clip=True)
    assert metric.update(batch(1.0), batch(0.0), torch.full((2, 3), 0.25)) is None
    assert metric.compute().item() == 0.25


def test_clipping_leaves_no_value_that_is_not_finite():
    raw = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.25, 1.5, -3.0]).view(1, 1, 1, 2, 3)
    made = Batch.clipped(raw, LABELS[:1, :1])
    assert made.inputs.flatten().tolist() == [0.0, 1.0, 0.0, 0.25, 1.0, 0.0]
    assert made.raw is raw


@pytest.mark.parametrize("value", [1.01, -0.01, float("nan")])
def test_a_batch_refuses_inputs_outside_the_range(value):
    with pytest.raises(ValueError, match=r"finite values in \[0, 1\]"):
        Batch(torch.full((2, 3, 1, 4, 4), value), torch.zeros(2, 3, 1, 4, 4), LABELS)


def test_a_batch_refuses_shapes_that_disagree():
    with pytest.raises(ValueError, match=r"labels: want \[2, 3\]"):
        Batch.clipped(torch.zeros(2, 3, 1, 4, 4), LABELS[:, :2])


def test_facts_are_plain_json_and_say_the_direction():
    facts = json.loads(json.dumps(PeakSignalToNoiseRatio(cap=100.0).facts(), allow_nan=False))
    assert facts["direction"] == "higher is better" and facts["unit"] == "dB" and facts["values"] == [0.0, 100.0]
    assert MeanSquaredError(clip=False).facts()["values"] == [0.0, None]
