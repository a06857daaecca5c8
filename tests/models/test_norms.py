"""Normalisation layers by name, against what they are defined by."""

import pytest
import torch
from torch import nn

from bench.models.norms import norm

X = torch.randn(4, 16, 3, 3, generator=torch.Generator().manual_seed(0))


def test_a_batch_norm_normalises_each_channel_over_the_batch() -> None:
    found = norm("batch", 16).train()(X)
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(16), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.var((0, 2, 3), unbiased=False), torch.ones(16), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("channels", "groups"), [(16, 8), (8, 8), (4, 4)])
def test_a_group_norm_normalises_eighths_of_the_channels_of_each_image(channels: int, groups: int) -> None:
    """So an image does not hear of the others."""
    layer = norm("group", channels)
    found = layer(X[:, :channels]).view(4, groups, -1)
    torch.testing.assert_close(found.mean(2), torch.zeros(4, groups), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.var(2, unbiased=False), torch.ones(4, groups), atol=1e-3, rtol=0)


def test_none_is_none_and_other_names_are_refused() -> None:
    assert isinstance(norm("none", 3), nn.Identity)
    with pytest.raises(ValueError, match="norm: no 'layer'; there is batch, group, none"):
        norm("layer", 3)
