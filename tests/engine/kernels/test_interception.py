"""What `conv2d` is told is understood, or left to torch."""

import pytest
import torch
from torch.nn import functional

from bench.engine.kernels import convolution
from bench.engine.kernels.interception import OwnConvolutions

X = torch.randn(2, 4, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
W = torch.randn(3, 4, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
BIAS = torch.arange(3.0, dtype=torch.float64)


@pytest.fixture
def calls(monkeypatch) -> list:
    """The calls of our convolution."""
    made, ours = [], convolution.output
    monkeypatch.setattr(convolution, "output", lambda *arguments: made.append(arguments) or ours(*arguments))
    return made


@pytest.mark.parametrize(
    "settings",
    [{}, {"bias": BIAS}, {"stride": 2, "padding": 1}, {"stride": (2, 1), "padding": (0, 2)}, {"stride": [2]}],
)
def test_plain_convolutions_are_ours(settings: dict, calls: list) -> None:
    expected = functional.conv2d(X, W, **settings)
    with OwnConvolutions():
        found = functional.conv2d(X, W, **settings)
    assert len(calls) == 1
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_whole_blocks_of_channels_are_left_to_torch(calls: list) -> None:
    x, weight = X.repeat(1, 4, 1, 1), W.repeat(6, 4, 1, 1)
    with OwnConvolutions():
        functional.conv2d(x, weight[:16])
        assert not calls
        functional.conv2d(x, weight[:15])
    assert len(calls) == 1


@pytest.mark.parametrize("settings", [{"groups": 2}, {"dilation": 2}, {"padding": "valid"}])
def test_others_are_left_to_torch(settings: dict, calls: list) -> None:
    weight = W[:2, :2] if "groups" in settings else W
    expected = functional.conv2d(X, weight, **settings)
    with OwnConvolutions():
        found = functional.conv2d(X, weight, **settings)
        halved = functional.conv2d(X.bfloat16(), W.bfloat16())
    assert not calls and torch.equal(found, expected) and halved.dtype == torch.bfloat16
