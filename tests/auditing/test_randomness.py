"""The random numbers of a step are held."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.auditing.randomness import Tape


def random_step(x: torch.Tensor) -> torch.Tensor:
    noise = torch.randn_like(x) + torch.empty_like(x).uniform_()
    return functional.dropout(x, 0.4, True) + noise * torch.rand(())


def test_a_tape_gives_the_same_random_numbers_again() -> None:
    torch.manual_seed(0)
    x, tape = torch.ones(50, 2), Tape()
    with tape:
        first = random_step(x)
    tape.recording = False
    with tape:
        again = random_step(x)
    with tape:
        mapped = torch.func.vmap(random_step)(x[None])[0]
    assert torch.equal(first, again) and torch.equal(first, mapped) and len(tape.values) == 4
    assert not torch.equal(first, random_step(x))


def test_the_masks_of_dropout_are_those_of_torch() -> None:
    x = torch.ones(20_000)
    with Tape():
        found = nn.Dropout(0.3)(x)
    # The share of zeros among 20,000 has a standard deviation of 0.0033.
    assert float((found == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(found.max()) == pytest.approx(1 / 0.7)
    with Tape():
        assert nn.Dropout(0.3).eval()(x) is x
