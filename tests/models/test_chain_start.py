"""The first layers of a chain, run as functions: the same values as the modules themselves."""

import torch
from torch import nn

from bench.models.chain import chain_of
from bench.models.chain_start import affine_of, can_run, run_start
from bench.models.convnet import ConvNet
from bench.models.normalise import Normalise

SHAPE = (3, 12, 12)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        Normalise([0.5, 0.4, 0.3], [0.25, 0.2, 0.3]),
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 5, (2, 3), stride=(1, 2), bias=False),
        nn.ReLU(),
        nn.MaxPool2d((2, 3)),
        nn.Identity(),
        nn.Flatten(),
        nn.Linear(25, 3),
    ).eval()
    norm = model[2]
    assert isinstance(norm, nn.BatchNorm2d)
    for value in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        assert value is not None
        value.uniform_(0.5, 1.5)
    return model


def test_each_start_of_a_chain_returns_what_the_modules_return() -> None:
    model, images = net(), torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    chain = chain_of(model, SHAPE)
    assert chain is not None and len(chain) == 10
    parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    for count in range(10):
        assert can_run(chain[:count])
        found = run_start(chain[:count], parameters, buffers, images)
        torch.testing.assert_close(found, model[:count](images), rtol=1e-5, atol=1e-6)
    assert not can_run(chain)


def test_a_batchnorm_is_a_factor_and_a_shift() -> None:
    model = net()
    chain = chain_of(model, SHAPE)
    assert chain is not None
    scale, shift = affine_of(chain[2], dict(model.named_parameters()), dict(model.named_buffers()))
    z = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(z * scale.view(-1, 1, 1) + shift.view(-1, 1, 1), model[2](z))


def test_what_is_not_known_is_not_run() -> None:
    """BatchNorm by the batch, GroupNorm, overlapping windows."""
    for layer in (nn.BatchNorm2d(3, track_running_stats=False), nn.GroupNorm(1, 3), nn.MaxPool2d(3, 2)):
        chain = chain_of(nn.Sequential(layer, nn.Conv2d(3, 2, 5), nn.Flatten(), nn.LazyLinear(2)).eval(), SHAPE)
        assert chain is None or not can_run(chain[:1])


def test_the_layers_of_a_convnet_are_served() -> None:
    chain = chain_of(ConvNet(2, "relu", "batch", None, None, None, shape=SHAPE, classes=3).eval(), SHAPE)
    assert chain is not None and can_run(chain[:-1])
