"""The whole search: batches come back exactly, the same twice, and the budget ends it."""

import pytest
import torch
from layer_gradients import known

from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.search import SpearBudget, SpearSearch

QUICK = SpearBudget(starts=512, at_once=64, steps=100, patience=512)


def search(problem, seed: int = 0) -> SpearSearch:
    hull = Hull.of(problem.layer, problem.factors)
    return SpearSearch(problem.factors, hull, 0.99, 0.999, torch.Generator().manual_seed(seed))


def test_the_time_ends_it_between_two_rounds() -> None:
    """The problem of twenty images takes more than one round of sixteen descents."""
    problem = known(20, width=300, pixels=100)
    budget, answers = SpearBudget(starts=512, at_once=16, steps=100, patience=512), iter([True, False])
    hull, random = Hull.of(problem.layer, problem.factors), torch.Generator().manual_seed(0)
    found = SpearSearch(problem.factors, hull, 0.99, 0.999, random, lambda seconds: next(answers))(budget)
    assert found.tried == 16 and found.least < 0.999


def errors(problem, images: torch.Tensor) -> torch.Tensor:
    """The largest difference of each true image to the nearest found one."""
    return (problem.images[:, None] - images).abs().amax(2).amin(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("batch", "mean"), [(4, 0.0), (8, 0.0), (8, 1.0)])
def test_a_batch_comes_back_exactly(dtype, batch, mean) -> None:
    problem = known(batch, width=96, dtype=dtype, mean=mean)
    found = search(problem)(QUICK)
    assert found.least == 1
    assert errors(problem, found.images).max() < (1e-3 if dtype == torch.float32 else 1e-9)


def test_twenty_images_take_more_than_one_round_of_few_starts_and_the_result_is_the_same_twice() -> None:
    """Deflation and completion find what the first sixteen descents did not."""
    problem = known(20, width=300, pixels=100)
    budget = SpearBudget(starts=512, at_once=16, steps=100, patience=512)
    first, second = (search(problem)(budget) for _ in "ab")
    assert first.tried > 16 and first.least == 1 and errors(problem, first.images).max() < 1e-8
    assert torch.equal(first.images, second.images) and first.tried == second.tried


def test_more_examples_than_the_units_can_tell_apart_end_without_images() -> None:
    """Sixteen examples on 40 units: half-spaces and dead units leave too much open."""
    problem = known(16, width=40)
    spent = search(problem)(SpearBudget(starts=128, at_once=64, steps=50, patience=512))
    assert spent.images is None and spent.tried == 128 and spent.least == 0
    patient = search(problem)(SpearBudget(starts=4096, at_once=64, steps=50, patience=64))
    assert patient.least == 0 and patient.tried < 4096


def test_a_false_certificate_is_withdrawn_and_the_true_direction_takes_its_place() -> None:
    problem = known(6, width=200)
    whole = search(problem)
    false = torch.nn.functional.normalize(problem.directions[0] + 0.5 * problem.directions[1], dim=0)
    directions = whole.directions
    for direction in problem.directions[1:]:
        directions.add(direction)
    directions.found = torch.cat([false[None], directions.found])
    directions.dead, directions.certified = [999, *directions.dead], [True, *directions.certified]
    chosen, _ = directions.basis()
    assert chosen[0] == 0
    assert whole._decide(chosen)
    assert not directions.certified[0] and all(directions.certified[1:])
    assert errors(problem, whole._best.images).max() < 1e-9


@pytest.mark.parametrize("name", ["starts", "at_once", "steps", "patience"])
def test_a_budget_of_nothing_is_refused(name) -> None:
    with pytest.raises(ValueError, match=f"{name}=0: must be >= 1"):
        SpearBudget(**{**QUICK.__dict__, name: 0})
