"""The distance of TS-Inverse, against a loop over victims and entries."""

import pytest
import torch

from bench.objectives.absolute_error import AbsoluteError, absolute_error

SHAPES = {"conv": (2, 3, 2), "bias": (4,), "one": ()}


def gradients(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {name: torch.randn(3, *shape, generator=g, dtype=torch.float64) for name, shape in SHAPES.items()}


def test_it_is_the_sum_of_absolute_differences_of_each_victim() -> None:
    ours, theirs = gradients(0), gradients(1)
    found = AbsoluteError(2.5)(ours, theirs)
    for victim in range(3):
        pairs = zip(*(torch.cat([of[name][victim].flatten() for name in SHAPES]).tolist() for of in (ours, theirs)))
        assert float(found[victim]) == pytest.approx(2.5 * sum(abs(a - b) for a, b in pairs))


def test_only_what_was_shared_counts() -> None:
    ours, theirs = gradients(0), gradients(1)
    part = absolute_error(ours, {"bias": theirs["bias"]})
    torch.testing.assert_close(part, (ours["bias"] - theirs["bias"]).abs().sum(1))
