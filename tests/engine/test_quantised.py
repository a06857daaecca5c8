"""Adam over quantised gradients, against the lines of the authors' code and torch's own Adam."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.engine.directions import Iterate
from bench.engine.quantised import QuantisedAdam, quantised


def published(g: torch.Tensor) -> torch.Tensor:
    """As in HF-GradInv's `_optim_signed_quantify`, at its four levels and alpha 0.2."""
    scale = 4 / 2 / (g.abs().median() + 1e-10)
    return g.mul(scale).round().div(4 / 2.0).clamp(-1, 1).mul(1 - 0.2) + g.sign() * 0.2


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_sizes_are_those_of_the_authors_code(seed: int, n: int) -> None:
    g = torch.randn(3, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(quantised(g, 0.2), torch.stack([published(row) for row in g]))


def test_without_a_gradient_there_is_no_step_and_the_sign_is_the_other_end() -> None:
    assert torch.equal(quantised(torch.zeros(2, 3), 0.2), torch.zeros(2, 3))
    g = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(quantised(g, 1.0), g.sign())


def test_it_goes_the_way_of_torchs_adam_over_the_authors_gradient() -> None:
    direction = QuantisedAdam((0.9, 0.999), 1e-8, least=0.2, early=2.0, early_steps=3)
    x = torch.zeros(1, 5, dtype=torch.float64)
    theirs = x[0].clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.1)
    state, generator = direction.start(x), torch.Generator().manual_seed(0)
    for step in range(6):
        g = torch.randn(1, 5, generator=generator, dtype=torch.float64)
        everyone, none = torch.ones(1, dtype=torch.bool), torch.zeros_like(x)
        x = x + 0.1 * direction(state, Iterate(x, g, none, none, everyone, everyone))
        theirs.grad = published(g[0]) * (2.0 if step < 3 else 1.0)
        optimiser.step()
        torch.testing.assert_close(x[0], theirs.detach())


@pytest.mark.parametrize("wrong", [{"least": -0.1}, {"least": 1.1}, {"early": 0.0}, {"early_steps": -1}, {"eps": -1.0}])
def test_what_is_out_of_range_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"want|must"):
        QuantisedAdam(**{"betas": (0.9, 0.999), "eps": 1e-8, "least": 0.2, "early": 2.0, "early_steps": 1, **wrong})
