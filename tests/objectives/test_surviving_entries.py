"""Entries that were pruned play no part; without a zero nothing changes."""

import torch

from bench.objectives.cosine import cosine_distance
from bench.objectives.gradient_transforms import TransformedObjective
from bench.objectives.squared_error import squared_error
from bench.objectives.surviving_entries import SurvivingEntries


def some(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    shapes = {"w": (3, 6, 5), "b": (3, 6)}
    return {n: torch.randn(shape, generator=g, dtype=torch.float64) for n, shape in shapes.items()}


def pruned(of: dict[str, torch.Tensor], bound: float) -> dict[str, torch.Tensor]:
    return {name: value * (value.abs() > bound) for name, value in of.items()}


def test_a_squared_error_is_that_of_the_survivors_as_if_there_were_as_many_as_entries() -> None:
    ours, shared = some(0), pruned(some(1), 0.7)
    found = TransformedObjective(squared_error, [SurvivingEntries()])(ours, shared)
    for victim in range(3):
        total, count = 0.0, 0
        for name, value in shared.items():
            for mine, theirs in zip(ours[name][victim].flatten().tolist(), value[victim].flatten().tolist()):
                if theirs != 0:
                    total, count = total + (mine - theirs) ** 2, count + 1
        assert 5 < count < 30  # of 36
        torch.testing.assert_close(found[victim].item(), total * 36 / count, rtol=1e-12, atol=0)


def test_a_cosine_is_that_of_the_survivors() -> None:
    ours, shared = some(0), pruned(some(1), 0.7)
    found = TransformedObjective(cosine_distance, [SurvivingEntries()])(ours, shared)
    for victim in range(3):
        chosen = torch.cat([(value[victim] != 0).flatten() for value in shared.values()])
        mine, theirs = (torch.cat([v[victim].flatten() for v in of.values()])[chosen] for of in (ours, shared))
        torch.testing.assert_close(found[victim], 1 - mine @ theirs / mine.norm() / theirs.norm())


def test_what_the_dummy_has_at_pruned_entries_has_no_influence() -> None:
    ours, shared = some(0), pruned(some(1), 0.7)
    for value in ours.values():
        value.requires_grad_()
    for distance in (squared_error, cosine_distance):
        slopes = torch.autograd.grad(
            TransformedObjective(distance, [SurvivingEntries()])(ours, shared).sum(), list(ours.values())
        )
        for slope, value in zip(slopes, shared.values()):
            assert (slope[value == 0] == 0).all()
            assert (slope[value != 0] != 0).all()


def test_without_zeros_nothing_changes_and_with_zeros_only_nothing_breaks() -> None:
    ours, shared = some(0), some(1)
    left, right = SurvivingEntries()(ours, shared)
    assert all(torch.equal(left[n], ours[n]) and torch.equal(right[n], shared[n]) for n in ours)
    nothing = {n: torch.zeros_like(v) for n, v in shared.items()}
    assert squared_error(*SurvivingEntries()(ours, nothing)).tolist() == [0.0] * 3
