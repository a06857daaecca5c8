"""The space of two or three examples is found from one of its vectors, and taken apart."""

import pytest
import torch
from layer_gradients import known, same_up_to_sign

from bench.attacks.exact.spear.mixtures import closure, split


def space_of(directions: torch.Tensor) -> torch.Tensor:
    return torch.linalg.qr(directions.mT)[0].mT


@pytest.mark.parametrize("together", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mixture_is_split_into_its_examples(together, dtype) -> None:
    problem = known(6, width=300, dtype=dtype)
    wanted = problem.directions[:together]
    found = split(problem.factors, space_of(wanted), torch.Generator().manual_seed(0))
    assert len(found) == together
    assert same_up_to_sign(torch.stack(found), wanted).max() < (1e-9 if dtype == torch.float32 else 1e-13)


def test_the_closure_of_one_vector_of_a_mixture_is_the_whole_mixture() -> None:
    problem = known(6, width=300)
    mixture = problem.directions[0] - 0.9 * problem.directions[1]
    space = closure(problem.factors, (mixture / mixture.norm())[None])
    assert space.shape == (2, 6)
    torch.testing.assert_close(problem.directions[:2] @ space.mT @ space, problem.directions[:2], rtol=0, atol=1e-10)
    single = closure(problem.factors, problem.directions[:1])
    assert single.shape == (1, 6) and (single @ problem.directions[0]).abs() > 1 - 1e-13


def test_what_annihilates_too_few_units_stays_as_it_is() -> None:
    problem = known(6, width=300)
    chance = torch.nn.functional.normalize(torch.randn(1, 6, dtype=torch.float64), dim=1)
    assert closure(problem.factors, chance) is chance
    assert split(problem.factors, torch.eye(6, dtype=torch.float64)[:2], torch.Generator().manual_seed(0)) == []
