"""A problem of least squares for the tests of second-order directions."""

import pytest
import torch
from torch import Tensor

from bench.engine.residuals import LeastSquares


@pytest.fixture
def problem(parties) -> tuple[LeastSquares, Tensor]:
    """Two victims of LeNet at 16 by 16 in double precision, and their private images as variables."""
    built = parties("attack=idlg_newton", "data.set=mnist", "data.size=16", "engine.dtype=float64")
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    found = built.attack._matching(seen, built.attack._layout(seen), built.attack.labels(seen, 0))
    found.load(torch.tensor([0, 1]))
    return found, victims.inputs.double().flatten(1)
