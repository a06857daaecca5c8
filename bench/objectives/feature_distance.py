"""The distance between what a layer reads of a dummy image and what it read of the victim's (ours)."""

import torch
from torch import Tensor

from bench.objectives.scaled import ScaledDistance

FEATURES = "features"  # the name under which features travel in place of gradients
_LEAST = 0.03  # of the largest deviation of a channel: channels that hardly vary count as if they varied this much


def feature_distance(features: Tensor, observed: Tensor) -> Tensor:
    """The mean squared difference, each channel in units of its deviation over the victim's image.

    Args:
        features: of the dummies, `[V, B, C, H, W]`.
        observed: of the victims, `[V, B, C, H, W]`.

    Returns:
        `[V]`, 0 for equal features.
    """
    deviation = observed.std((-2, -1), correction=0, keepdim=True)
    least = (_LEAST * deviation.amax(2, keepdim=True)).clamp(min=torch.finfo(observed.dtype).eps)
    return ((features - observed) / torch.maximum(deviation, least)).square().flatten(1).mean(1)


class FeatureDistance(ScaledDistance):
    """`feature_distance` times a constant, as an objective: it reads the entry `features` of what is compared.

    Args:
        scale: factor, > 0. It weighs the distance against priors.

    Raises:
        ValueError: scale is not above 0.
    """

    @staticmethod
    def distance(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """`{features: [V, B, C, H, W]}` of the dummies and of the victims -> `[V]`, without the factor."""
        return feature_distance(gradients[FEATURES], observed[FEATURES])
