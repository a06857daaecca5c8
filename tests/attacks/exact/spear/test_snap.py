"""Rough ends of descents become directions, those of mixtures too."""

import torch
from layer_gradients import known, same_up_to_sign

from bench.attacks.exact.spear.directions import Directions
from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.snap import Snap


def snapped(problem, rough: torch.Tensor) -> Directions:
    directions = Directions(problem.factors, Hull.of(problem.layer, problem.factors), 0.99)
    Snap(directions, torch.Generator().manual_seed(0))(torch.nn.functional.normalize(rough, dim=1))
    return directions


def test_rough_single_directions_are_made_exact() -> None:
    problem = known(6, width=300)
    noise = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = snapped(problem, problem.directions + 1e-2 * noise)
    assert len(found.found) == 6 and all(found.certified)
    assert same_up_to_sign(found.found, problem.directions).max() < 1e-13


def test_a_rough_difference_of_two_gives_both() -> None:
    problem = known(6, width=300, mean=1.0)
    dead = (problem.slopes == 0).double()
    shared = dead @ dead.mT
    pair = list(divmod(int(shared.fill_diagonal_(0).argmax()), 6))
    assert shared.max() >= int(0.25 * problem.factors.units)  # as many as are asked of two
    one, other = problem.directions[pair]
    found = snapped(problem, (one - 0.95 * other)[None])
    assert same_up_to_sign(found.found, problem.directions[pair]).max() < 1e-13


def test_mixtures_are_given_up_when_they_are_seldom() -> None:
    problem = known(6, width=300)
    snap = Snap(Directions(problem.factors, Hull.of(problem.layer, problem.factors), 0.99), torch.Generator())
    snap._tried[2], snap._exact[2] = 101, 2
    assert snap._seldom(2) and not snap._seldom(3)
    snap._exact[2] = 3
    assert not snap._seldom(2)
    snap(problem.directions[:0])  # nothing to do
    assert snap._tried[1] == 0
