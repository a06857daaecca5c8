"""Each direction is kept once, sparse and exact, and certified ones make a basis."""

import pytest
import torch
from layer_gradients import known

from bench.attacks.exact.spear.directions import Directions, independent, outside
from bench.attacks.exact.spear.hull import Hull


@pytest.fixture
def problem():
    return known(6, width=300)


def test_true_directions_are_certified_and_kept_once(problem) -> None:
    directions = Directions(problem.factors, Hull.of(problem.layer, problem.factors), 0.99)
    assert all(directions.add(direction) for direction in problem.directions)
    assert not any(directions.add(-direction) for direction in problem.directions)
    assert len(directions.found) == 6 and directions.certified == [True] * 6
    assert directions.dead == (problem.slopes == 0).sum(1).tolist()
    chosen, basis = directions.basis()
    assert sorted(chosen) == list(range(6))
    assert directions.dead[chosen[0]] == max(directions.dead)
    torch.testing.assert_close(basis @ basis.mT, torch.eye(6, dtype=torch.float64))
    directions.withdraw([chosen[1]])
    assert directions.basis()[0] == [chosen[0], *chosen[2:]]


def test_a_direction_without_dead_units_is_no_candidate_and_a_better_copy_replaces_a_worse(problem) -> None:
    directions = Directions(problem.factors, Hull.of(problem.layer, problem.factors), 0.99)
    directions.add(torch.nn.functional.normalize(torch.ones(6, dtype=torch.float64), dim=0))
    assert len(directions.found) == 0
    true = problem.directions[0]
    directions.found, directions.dead, directions.certified = (true + 1e-9)[None], [70], [False]
    directions.add(true)
    assert torch.equal(directions.found[0], true) and directions.certified == [True] and directions.dead[0] > 70


def test_independent_directions_are_chosen_in_order() -> None:
    found = torch.nn.functional.normalize(torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1]]).double(), dim=1)
    chosen, basis = independent(found, [1, 0, 2, 3])
    assert chosen == [1, 0, 3] and basis.shape == (3, 3)
    assert outside(basis[:2], torch.tensor([3.0, 4, 5]).double()).tolist() == pytest.approx([0, 0, 5])
    assert independent(found, [])[0] == []
