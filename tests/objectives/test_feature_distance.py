"""The distance between features against a plain loop over channels and positions."""

import pytest
import torch

from bench.objectives.feature_distance import FEATURES, FeatureDistance, feature_distance


def by_hand(features: torch.Tensor, observed: torch.Tensor) -> list[float]:
    found = []
    for ours, theirs in zip(features, observed):
        terms = []
        for one, other in zip(ours, theirs):
            sizes = [float(((c - c.mean()) ** 2).mean().sqrt()) for c in other]
            for a, b, size in zip(one, other, sizes):
                terms += (((a - b) / max(size, 0.03 * max(sizes))) ** 2).flatten().tolist()
        found.append(sum(terms) / len(terms))
    return found


def test_each_channel_counts_in_units_of_its_deviation() -> None:
    generator = torch.Generator().manual_seed(0)
    features, observed = (torch.randn(3, 2, 4, 3, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    observed[:, :, 1] *= 1e-4  # hardly varies
    assert feature_distance(features, observed).tolist() == pytest.approx(by_hand(features, observed), rel=1e-12)


def test_features_that_do_not_vary_have_a_finite_distance() -> None:
    flat = torch.full((2, 1, 3, 2, 2), 0.5)
    assert feature_distance(flat, flat).tolist() == [0.0, 0.0]
    assert feature_distance(flat + 1, flat).isfinite().all()


def test_the_objective_reads_features_and_has_a_scale() -> None:
    generator = torch.Generator().manual_seed(1)
    features, observed = (torch.randn(2, 1, 3, 4, 4, generator=generator) for _ in range(2))
    found = FeatureDistance(0.5)({FEATURES: features}, {FEATURES: observed})
    assert torch.equal(found, 0.5 * feature_distance(features, observed))
    with pytest.raises(ValueError, match=r"scale=0\.0: must be > 0"):
        FeatureDistance(0.0)
