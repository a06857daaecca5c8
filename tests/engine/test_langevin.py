"""The noise of a step belongs to the victim and to the number of its step, wherever its slot is."""

import torch
from torch import Tensor

from bench.engine.directions import Gradient, Iterate
from bench.engine.langevin import Langevin


def iterate(g: Tensor, here: Tensor) -> Iterate:
    return Iterate(g, g, g, g, here, here)


def test_noise_is_standard_normal_times_the_amount_beside_the_other_direction() -> None:
    g = torch.rand(2, 20_000)
    rule = Langevin(Gradient(), 0.5, lambda: torch.tensor([7, 8]), 0)
    noise = rule(rule.start(g), iterate(g, torch.tensor([True, True]))) + g
    assert torch.allclose(noise.std(1), torch.tensor([0.5, 0.5]), rtol=0.03) and noise.mean().abs() < 0.02
    assert not torch.equal(noise[0], noise[1])


def test_a_step_that_a_slot_does_not_take_is_not_counted_and_a_new_victim_begins_again() -> None:
    ids, g = torch.tensor([7, 8]), torch.zeros(2, 5)
    rule, both, second = (
        Langevin(Gradient(), 1.0, lambda: ids, 0),
        torch.tensor([True, True]),
        torch.tensor([False, True]),
    )
    state = rule.start(g)
    first = rule(state, iterate(g, both))
    rule(state, iterate(g, second))
    third = rule(state, iterate(g, both))
    alone = Langevin(Gradient(), 1.0, lambda: torch.tensor([7]), 0)
    own = alone.start(g[:1])
    expected = [alone(own, iterate(g[:1], both[:1])) for _ in range(2)]
    assert torch.equal(first[:1], expected[0]) and torch.equal(third[:1], expected[1])
    rule.clear(state, second)
    assert torch.equal(rule(state, iterate(g, both))[1], first[1])
    kept = state.keep(torch.tensor([1]))
    assert len(kept) == 1 and not rule.has_past(kept).any()
