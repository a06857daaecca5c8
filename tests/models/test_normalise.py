"""The first layer of a model: per channel, and no part of a checkpoint."""

import pytest
import torch
from torch import nn

from bench.models.normalise import Normalise, first_layer

MEAN, STD = (0.5, 0.2), (0.25, 2.0)


def test_each_channel_is_shifted_and_scaled_by_its_own_numbers() -> None:
    images = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    found = first_layer(MEAN, STD, 2)(images)
    for channel in range(2):
        torch.testing.assert_close(found[:, channel], (images[:, channel] - MEAN[channel]) / STD[channel])


def test_one_number_is_that_of_all_channels() -> None:
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first_layer(0.5, 2.0, 3)(images), first_layer((0.5,) * 3, (2.0,) * 3, 3)(images))


def test_a_users_checkpoint_does_not_need_to_hold_it() -> None:
    layer = Normalise(MEAN, STD)
    assert dict(layer.named_buffers()).keys() == {"mean", "std"} and not layer.state_dict()


def test_nothing_is_normalised_by_nothing() -> None:
    assert isinstance(first_layer(None, None, 3), nn.Identity)


@pytest.mark.parametrize(("mean", "std"), [(MEAN, None), (None, STD), (MEAN, (1.0,)), ((0.5,), STD), (0.5, None)])
def test_half_a_normalisation_is_refused(mean, std) -> None:
    with pytest.raises(ValueError, match="mean and std: want 2 numbers each"):
        first_layer(mean, std, 2)


def test_a_deviation_is_positive() -> None:
    with pytest.raises(ValueError, match="std: must be > 0"):
        first_layer((0.5, 0.5), (1.0, 0.0), 2)
