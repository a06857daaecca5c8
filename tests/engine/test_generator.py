"""Images as the output of a network: its gradient, its sizes, and what stays constant."""

import pytest
import torch
from observations import CLASSES, SHAPE, net, observe
from torch import nn
from torch.nn import functional

from bench.engine.generator import Generator
from bench.engine.matching import Layout, Matching
from bench.engine.rng import VictimRng
from bench.objectives.squared_error import SquaredError

SMALL = Generator(latent=3, width=2, slope=0.1)


def starts(batch_size: int, shape: tuple[int, ...], count: int = 3, made: Generator = SMALL) -> torch.Tensor:
    """The starts of some victims, `[count, size]`, float64."""
    drawn = [made.start(batch_size, shape, VictimRng((0, "generator", number, 0))) for number in range(count)]
    return torch.stack(drawn).double()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 12, 12), (2, 9, 17), (1, 2, 3), (1, 1, 1)])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_images_have_the_shape_of_the_data_and_lie_in_the_range(shape: tuple[int, ...], batch_size: int) -> None:
    z = starts(batch_size, shape)
    assert z.shape == (3, SMALL.size(batch_size, shape))
    images = SMALL.images(z, batch_size, shape)
    assert images.shape == (3, batch_size, *shape) and ((images > 0) & (images < 1)).all()
    assert len(images[:, 0, 0, 0, 0].unique()) == 3  # each victim has a network of its own


@pytest.mark.parametrize(("shape", "smallest"), [((1, 28, 28), 7), ((3, 32, 32), 4), ((1, 7, 15), 7)])
def test_the_smallest_map_is_doubled_to_the_size_of_the_image(shape: tuple[int, ...], smallest: int) -> None:
    shapes = SMALL.shapes(1, shape)
    doublings = sum(name.endswith("0.weight") for name in shapes) - 1
    assert shapes["first.weight"][1] // 2 // (-(-shape[2] // 2**doublings)) == smallest


def plain(z: torch.Tensor, batch_size: int, shape: tuple[int, ...]) -> torch.Tensor:
    """One victim's images `[B, C, H, W]` by torch's own modules, for images of twice the smallest map."""
    held, at = {}, 0
    for name, one in SMALL.shapes(batch_size, shape).items():
        held[name] = z[at : at + one.numel()] if isinstance(one, torch.Tensor) else z[at : at + torch.Size(one).numel()]
        held[name], at = held[name].reshape(one), at + torch.Size(one).numel()
    assert at == len(z)

    def normal(x: torch.Tensor, name: str) -> torch.Tensor:
        norm = nn.BatchNorm2d(2).double().train()
        norm.weight.data, norm.bias.data = held[f"{name}.gain"], held[f"{name}.offset"]
        return functional.leaky_relu(norm(x), 0.1)

    x = normal((held["code"] @ held["first.weight"]).reshape(batch_size, 2, shape[1] // 2, shape[2] // 2), "first")
    for scale in range(2):
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest") if scale else x
        for place in range(2):
            name = f"scale{scale}.{place}"
            x = normal(functional.conv2d(x, held[f"{name}.weight"], padding=1), name)
    return torch.tanh(functional.conv2d(x, held["last.weight"], held["last.bias"], padding=1)) / 2 + 0.5


@pytest.mark.parametrize("batch_size", [1, 2])
def test_each_victim_has_what_torchs_modules_draw_from_its_weights(batch_size: int) -> None:
    """Gains and offsets are moved off 1 and 0 first. float64, so 1e-10 is rounding."""
    shape = (3, 8, 10)
    z = starts(batch_size, shape)
    z += 0.1 * torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(0))
    images = SMALL.images(z, batch_size, shape)
    for row, found in zip(z, images):
        torch.testing.assert_close(found, plain(row, batch_size, shape), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "one by one"])
def test_the_gradient_by_the_weights_is_that_of_finite_differences(mapped: bool) -> None:
    """The whole objective, through the victim's network and the generator. Central differences in float64 with a step
    of 1e-5 are right to about 1e-9 of the largest entry; the codes have no gradient, and label logits have theirs."""
    seen, _, _ = observe(net())
    layout = Layout(2, SHAPE, CLASSES, SMALL)
    made = Matching(seen, layout, SquaredError(1e3), None, torch.float64)
    if not mapped:
        made.one_by_one()
    made.load(torch.tensor([2, 0]))
    logits = torch.randn(2, 2 * CLASSES, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = torch.cat([starts(2, SHAPE, 2), logits], 1)
    _, slope = made(z)
    codes = slice(layout.inputs - 2 * 3, layout.inputs)
    assert (slope[:, codes] == 0).all() and (slope[:, layout.inputs :] != 0).all()
    generator = torch.Generator().manual_seed(2)
    for _ in range(4):
        d = torch.randn(z.shape, dtype=torch.float64, generator=generator)
        d[:, codes] = 0
        ahead, behind = made.value(z + 1e-5 * d), made.value(z - 1e-5 * d)
        torch.testing.assert_close((slope * d).sum(1), (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-8)


def test_all_victims_at_once_have_what_each_has_alone() -> None:
    seen, _, labels = observe(net())
    made = Matching(seen, Layout(2, SHAPE, 0, SMALL), SquaredError(1.0), labels, torch.float64)
    z = starts(2, SHAPE)
    made.load(torch.arange(3))
    values, slopes = made(z)
    for victim in range(3):
        made.load(torch.tensor([victim]))
        value, slope = made(z[victim : victim + 1])
        torch.testing.assert_close(value[0], values[victim], rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(slope[0], slopes[victim], rtol=1e-8, atol=1e-12)


def test_a_start_is_as_torch_draws_it_and_differs_by_run() -> None:
    made = Generator(latent=16, width=8, slope=0.1)
    rng = VictimRng((0, "generator", 7, 0))
    one = made.start(2, (1, 8, 8), rng)
    assert torch.equal(one, made.start(2, (1, 8, 8), rng))
    assert not torch.equal(one, made.start(2, (1, 8, 8), VictimRng((0, "generator", 7, 1))))
    parts = made._parts(one.unsqueeze(0), 2, (1, 8, 8))
    assert (parts["scale0.0.gain"] == 1).all() and (parts["scale0.0.offset"] == 0).all()
    for name, inputs in (("first.weight", 16), ("scale1.1.weight", 72), ("last.weight", 72)):
        largest = float(parts[name].abs().max() * inputs**0.5)
        assert 0.9 < largest <= 1
    assert 0.5 < float(parts["code"].std()) < 1.5


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"latent": 0}, "latent=0, width=2: must be >= 1"),
        ({"width": 0}, "latent=3, width=0: must be >= 1"),
        ({"slope": 1.0}, r"slope=1.0: must lie in \[0, 1\)"),
    ],
)
def test_refusals(given: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Generator(**{"latent": 3, "width": 2, "slope": 0.1, **given})
