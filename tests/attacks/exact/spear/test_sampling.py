"""The paper's sampling: null vectors of random units that are dead for one example, chosen by agreement."""

import pytest
import torch
from layer_gradients import known, same_up_to_sign

from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.sampling import Sampling


def sampling(problem, sparsity: float = 0.3) -> Sampling:
    random = torch.Generator().manual_seed(0)
    return Sampling(problem.factors, Hull.of(problem.layer, problem.factors), sparsity, 0.999, random)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_four_images_come_back_exactly(dtype) -> None:
    problem = known(4, dtype=dtype)
    found = sampling(problem)(2000, 500)
    assert found.least == 1 and found.tried <= 2000
    errors = (problem.images[:, None] - found.images).abs().amax(2).amin(1)
    assert errors.max() < (1e-3 if dtype == torch.float32 else 1e-9)


def test_only_sparse_vectors_are_kept_and_each_once() -> None:
    problem = known(4)
    drawn = sampling(problem)
    assert drawn.draw(500) == len(drawn.found) == len(drawn.dead) >= 4
    assert min(drawn.dead) >= 0.3 * problem.factors.units
    assert same_up_to_sign(drawn.found, problem.directions).max() < 1e-12
    before = len(drawn.found)
    drawn.draw(500)
    assert len(drawn.found) <= before + 2  # the same directions again


def test_a_false_direction_is_exchanged_where_the_images_agree_more() -> None:
    problem = known(4)
    drawn = sampling(problem)
    false = torch.nn.functional.normalize(problem.directions[0] + 0.5 * problem.directions[1], dim=0)
    drawn.found, drawn.dead = torch.cat([false[None], problem.directions]), [99, 30, 30, 30, 30]
    assert drawn.choose().least == 1
    drawn.found, drawn.dead = problem.directions[:3], [30] * 3
    assert drawn.choose().images is None


def test_too_few_samples_find_nothing() -> None:
    found = sampling(known(12, width=96))(20, 10)
    assert found.images is None and found.tried == 20
