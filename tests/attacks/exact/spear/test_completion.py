"""Missing directions are guessed from the units that the missing images leave dead."""

import pytest
import torch
from layer_gradients import known, same_up_to_sign

from bench.attacks.exact.spear.completion import complete
from bench.attacks.exact.spear.directions import Directions
from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.snap import Snap


@pytest.mark.parametrize("missing", [1, 3])
def test_missing_directions_are_found(missing) -> None:
    problem = known(10, width=300)
    hull, random = Hull.of(problem.layer, problem.factors), torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(problem.directions[missing:].mT)[0].mT
    rough = complete(problem.factors, hull, basis, random)
    assert rough.shape == (2 if missing == 1 else 64, 10)
    directions = Directions(problem.factors, hull, 0.99)
    Snap(directions, random)(rough)
    assert same_up_to_sign(directions.found, problem.directions[:missing]).max() < 1e-12
