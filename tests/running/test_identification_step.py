"""The attacker of a line-up picks what a person would, and as often as theory says."""

import pytest
import torch
from torch import Tensor

from bench.datamodules.line_up import line_up
from bench.defenses.privacy import Privacy
from bench.messages.victims import Victims
from bench.results.stored_identification import StoredIdentification
from bench.running import identification_step
from bench.running.identification_step import picked, row

SMALL = ("data.set=mnist", "data.size=6", "model.width=3", "model.strides=[1,1,1]")


class Simplex:
    """Gaussian noise on K signals of norm 1 in a centred simplex, the hardest line-up of as many candidates."""

    def __init__(self, count: int, sigma: float) -> None:
        centred = torch.eye(count, dtype=torch.float64) - 1 / count
        self._signals, self._sigma = centred / centred[0].norm(), sigma

    def updates_again(self, victims: Victims, seed: int) -> Tensor:
        noise = torch.randn(len(self._signals), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return self._signals[: len(victims)] + self._sigma * noise


def test_signals_in_a_simplex_are_picked_at_the_rate_of_the_best_possible_attacker(parties) -> None:
    """E[Phi(Z + sqrt(K / (K - 1)) / sigma)^(K - 1)] = 0.358 for K = 10, sigma = 1; 5,000 draws leave 0.0068."""
    shown = line_up(parties(*SMALL).data, 0, 10)
    rate = picked(Simplex(10, 1.0), shown, 5000, random=True)
    assert rate == pytest.approx(0.358, abs=3 * 0.0068)
    assert rate < Privacy(1.0, 1e-5).identification(10) == pytest.approx(0.389, abs=1e-3)


def test_without_a_defence_the_right_example_is_always_picked_and_a_twin_half_the_time(parties) -> None:
    built = parties(*SMALL, "data.batch_size=2")
    shown = line_up(built.data, 1, 8)
    found = row(built.client, shown)
    assert (found["picked"], found["draws"], found["candidates"], found["batch_size"]) == (1.0, 1, 8, 2)
    assert StoredIdentification.sound({**found, "repeats": 0})
    assert set(found) | {"repeats"} == set(StoredIdentification.shown)
    twin = shown.take(torch.tensor([0, 3, 0, 5]))
    assert row(built.client, twin)["picked"] == 0.5


@pytest.mark.parametrize(("std", "low", "high"), [("1e-4", 1.0, 1.0), ("1e4", 0.0, 0.45)])
def test_noise_hides_the_example_only_if_it_is_large_beside_the_differences(
    parties, std: str, low: float, high: float
) -> None:
    """At a deviation of 1e4 an attacker guesses 1 of 8: in 16 draws, more than 7 hits have a probability of 1e-4."""
    built = parties(*SMALL, "defense=gaussian", f"defense.std={std}")
    found = row(built.client, line_up(built.data, 0, 8))
    assert found["draws"] == 16 and low <= found["picked"] <= high


def test_the_random_numbers_of_a_draw_are_the_same_for_all_candidates_and_not_those_of_the_update(parties) -> None:
    """Float32 sums of gradients and noise of order 1 are right to about 1e-6."""
    noisy, plain = parties(*SMALL, "defense=gaussian", "defense.std=1.0"), parties(*SMALL)
    shown = line_up(noisy.data, 2, 4)
    first, second = (noisy.client.updates_again(shown, draw) - plain.client.updates_again(shown, 0) for draw in (0, 1))
    torch.testing.assert_close(first, first[:1].expand(4, -1), rtol=0, atol=1e-5)
    assert not torch.allclose(first, second, atol=0.1) and first.std() == pytest.approx(1.0, abs=0.1)
    shared = noisy.client.share(noisy.data.deal([2])).gradients
    own = torch.cat([value.flatten(1) for value in shared.values()], 1)
    assert not torch.allclose(own, noisy.client.updates_again(shown, 0)[:1], atol=0.1)


def test_a_value_that_is_not_finite_leaves_no_rate_and_a_reason(parties) -> None:
    built = parties(*SMALL, "defense=gaussian", "defense.std=1e38")
    found = row(built.client, line_up(built.data, 0, 4))
    assert found["picked"] is None and found["status"] == "nonfinite" and "not finite" in found["reason"]


def test_a_lack_of_memory_is_a_row(parties, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_):
        raise MemoryError

    monkeypatch.setattr(identification_step, "picked", failing)
    built = parties(*SMALL)
    found = row(built.client, line_up(built.data, 0, 4))
    assert found["picked"] is None and found["status"] == "out_of_memory"
