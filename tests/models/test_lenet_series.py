"""The network along time, to the parameter."""

import pytest
import torch

from bench.models.lenet_series import LeNetSeries

DEFAULTS = {"width": 12, "strides": (2, 2, 1), "activation": "sigmoid", "init_range": 0.5}


def build(**changes) -> LeNetSeries:
    return LeNetSeries(**{**DEFAULTS, "shape": (6, 100), "classes": 4, **changes})


def test_equals_the_network_of_the_code_of_tsinverse_written_plainly() -> None:
    model = build(width=64, shape=(2, 96), classes=5)
    plain = torch.nn.Sequential(
        torch.nn.Conv1d(2, 64, kernel_size=5, padding=2, stride=2),
        torch.nn.Sigmoid(),
        torch.nn.Conv1d(64, 64, kernel_size=5, padding=2, stride=2),
        torch.nn.Sigmoid(),
        torch.nn.Conv1d(64, 64, kernel_size=5, padding=2, stride=1),
        torch.nn.Sigmoid(),
        torch.nn.Flatten(),
        torch.nn.Linear(64 * 24, 5),
    )
    with torch.no_grad():
        for target, source in zip(plain.parameters(), model.parameters(), strict=True):
            target.copy_(source)
    x = torch.randn(4, 2, 96, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain(x))


def test_every_weight_is_drawn_from_the_range() -> None:
    torch.manual_seed(0)
    drawn = torch.cat([p.detach().flatten() for p in build().parameters()])
    assert drawn.abs().max() <= 0.5 and drawn.std() == pytest.approx(1 / 12**0.5, rel=0.05)  # that of U(-1/2, 1/2)


def test_an_image_is_read_as_a_series_of_its_pixels() -> None:
    model = build(shape=(3, 6, 5))
    x = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), model(x.view(2, 3, 30)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"width": 0}, "want a width >= 1 and three strides"),
        ({"strides": (2, 2)}, "want a width >= 1 and three strides"),
        ({"shape": (30,)}, "want series of C channels and T times"),
    ],
)
def test_refusals(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(**changes)
