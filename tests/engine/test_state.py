"""What the loop carries for each slot: a victim that enters a slot begins anew, and its neighbours are left alone."""

from dataclasses import fields

import torch

from bench.engine.state import State


def test_a_state_begins_at_the_starts_with_nothing_evaluated() -> None:
    x = torch.rand(3, 4)
    state = State.start(torch.tensor([5, 6, 7]), x)
    assert torch.equal(state.x, x) and torch.equal(state.x_best, x) and state.x is not x
    assert state.fresh.all() and state.f.isinf().all() and state.f_best.isinf().all()
    assert not (state.evaluations.any() or state.iterations.any() or state.seconds.any())
    assert state.seconds.dtype is torch.float64


def test_a_replaced_slot_is_as_new_and_the_others_are_as_they_were() -> None:
    state = State.start(torch.tensor([0, 1, 2]), torch.zeros(3, 2))
    for number, field in enumerate(fields(state)):
        value = getattr(state, field.name)
        value.copy_(torch.full_like(value, number + 3) if value.dtype is not torch.bool else torch.zeros_like(value))
    before = state.keep(torch.tensor([0]))
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    state.replace(torch.tensor([2, 1]), torch.tensor([8, 9]), x)
    new = State.start(torch.tensor([9, 8]), x.flip(0))
    for field in fields(state):
        assert torch.equal(getattr(state, field.name)[:1], getattr(before, field.name)), field.name
        assert torch.equal(getattr(state, field.name)[1:], getattr(new, field.name)), field.name
