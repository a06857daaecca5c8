"""What entered a layer behind which stands a max-pooling: exact, or not claimed."""

import pytest
import torch
from image_observations import observe_images

from bench.attacks.exact.deep_features import deepest_features
from bench.messages.structure import CONVOLUTION
from bench.models.chain_start import run_start
from bench.models.convnet import ConvNet

SHAPE, STARTS = (3, 18, 18), 4


def observed(norm: str = "batch", activation: str = "relu", count: int = 2):
    torch.manual_seed(0)
    model = ConvNet(8, activation, norm, None, None, None, shape=SHAPE, classes=5).eval().double()
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, 1, *SHAPE, generator=generator, dtype=torch.float64)
    return observe_images(model, images, torch.tensor([[1], [3]])[:count]), images


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_the_input_of_the_second_block_is_exact(norm: str) -> None:
    """The first block has more unknowns than equations, so the walk ends behind it."""
    seen, images = observed(norm, count=1)
    chain = seen.task.chain
    seventh = [index for index, layer in enumerate(chain) if layer.kind == CONVOLUTION][6]
    found = deepest_features(seen, 0, 0, STARTS)
    assert found is not None and found.layers == seventh
    parameters, buffers = ({n: v[0] for n, v in of.items()} for of in (seen.parameters, seen.buffers))
    truth = run_start(chain[:seventh], parameters, buffers, images[0])[0]
    torch.testing.assert_close(found.value, truth, rtol=1e-6, atol=1e-9)


def test_nothing_is_claimed_if_a_layer_cannot_be_passed() -> None:
    """GroupNorm mixes channels, tanh is no ReLU."""
    for seen, _ in (observed("group", count=1), observed("batch", "tanh", count=1)):
        assert deepest_features(seen, 0, 0, 1) is None


@pytest.mark.parametrize("change", ["noise", "not finite", "weight withheld", "zero"])
def test_nothing_is_claimed_of_a_gradient_that_is_not_exact(change: str) -> None:
    seen, _ = observed(count=1)
    generator = torch.Generator().manual_seed(2)
    last = seen.task.last_linear
    for name, value in seen.gradients.items():
        if change == "noise":
            value += 1e-2 * value.std() * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        elif change == "zero":
            value.zero_()
        elif change == "not finite" and name == last:
            value[0, 0, 0] = torch.nan
    if change == "weight withheld":
        del seen.gradients[last]
    assert deepest_features(seen, 0, 0, 1) is None
