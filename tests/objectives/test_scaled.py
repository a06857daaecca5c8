"""Distances with a factor: the factor multiplies the distance, and one that is not above zero is refused."""

import pytest
import torch

from bench.objectives.cosine import Cosine, cosine_distance
from bench.objectives.feature_distance import FEATURES, FeatureDistance, feature_distance
from bench.objectives.layer_length import LayerLength, layer_lengths
from bench.objectives.squared_error import SquaredError, squared_error

ALL = [Cosine, FeatureDistance, LayerLength, SquaredError]


@pytest.mark.parametrize(
    ("distance", "plain"), [(Cosine, cosine_distance), (LayerLength, layer_lengths), (SquaredError, squared_error)]
)
def test_the_factor_multiplies_the_distance(distance, plain) -> None:
    ours, theirs = (
        {"a": torch.tensor(a), "b": torch.tensor(b)} for a, b in (([[3.0, 4.0]], [2.0]), ([[1.0, 0.0]], [5.0]))
    )
    torch.testing.assert_close(distance(2.5)(ours, theirs), 2.5 * plain(ours, theirs), rtol=0, atol=0)


def test_features_are_compared_by_their_own_entry() -> None:
    ours, theirs = torch.arange(8.0).view(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2)
    found = FeatureDistance(4.0)({FEATURES: ours}, {FEATURES: theirs})
    torch.testing.assert_close(found, 4 * feature_distance(ours, theirs), rtol=0, atol=0)


@pytest.mark.parametrize("distance", ALL)
@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_factor_that_is_not_above_zero_is_refused(distance, scale) -> None:
    with pytest.raises(ValueError, match=rf"scale={scale}: must be > 0"):
        distance(scale)
