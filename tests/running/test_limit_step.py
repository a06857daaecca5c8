"""One victim becomes a row of a limit: with its numbers, or with why there are none."""

from dataclasses import replace

import pytest
import torch

from bench.results.stored_limits import StoredLimits
from bench.running import limit_step
from bench.running.limit_step import row

SMALL = ("data.set=mnist", "data.size=6", "model.width=3", "model.strides=[1,1,1]", "engine.dtype=float64")


def test_a_row_has_the_numbers_of_its_own_victim(parties) -> None:
    built = parties(*SMALL, "data.batch_size=2")
    victim = built.data.deal([4])
    mean = victim.inputs[0].mean(0)
    found = row(built.client, 0.1, mean, victim)
    assert set(found) >= set(StoredLimits.required) and StoredLimits.sound(found)
    assert (found["victim"], found["batch_size"], found["entries"], found["repeats"]) == (4, 2, 72, 0)
    assert found["mean_mse"] == pytest.approx(float(victim.inputs.var((0, 1), correction=0).mean()))
    # All entries of 2 x 36 pixels deviate by 0.3 under the prior, and noise of 0.1 leaves less than that of them.
    assert 0 < found["bayesian_mse"] < min(0.3**2, found["limit_mse"])
    other = replace(victim, inputs=1 - victim.inputs)
    assert row(built.client, 0.1, mean, other)["bayesian_mse"] == found["bayesian_mse"]  # no image has a part in it
    without = row(built.client, None, None, victim)
    assert without["bayesian_mse"] is None
    assert without["limit_mse"] is without["mean_mse"] is None and without["condition"] == found["condition"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (torch.linalg.LinAlgError("svd did not converge"), "nonfinite", "did not converge"),
        (MemoryError(), "out_of_memory", "the device ran out of memory"),
    ],
)
def test_a_victim_that_fails_has_no_figure_and_the_row_says_why(
    parties, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str, words: str
) -> None:
    def failing(*_):
        raise error

    monkeypatch.setattr(limit_step, "determination", failing)
    built = parties(*SMALL)
    found = row(built.client, 0.1, None, built.data.deal([0]))
    assert found["status"] == status and words in found["reason"] and StoredLimits.sound(found)
    assert found["jacobian_rank"] is found["condition"] is found["limit_mse"] is found["bayesian_mse"] is None


def test_a_fault_of_our_own_is_raised(parties, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(limit_step, "determination", failing)
    built = parties(*SMALL)
    with pytest.raises(RuntimeError, match="shapes"):
        row(built.client, None, None, built.data.deal([0]))
