"""Protects: R-GAP's images are exact, its refusals name the layer, and what it cannot verify is no picture."""

import pytest
import torch
from image_observations import observe_images
from torch import nn

from bench.attacks.exact.rgap import RGap
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.status import Status
from bench.models.normalise import Normalise

ENGINE = EngineSettings(chunk=1, threads=1, compile=False, precision="float32")
SHAPE = (2, 8, 8)


def attack(enough: float = 1e-12) -> RGap:
    return RGap(1e-9, enough, engine=ENGINE)


def net(activation: nn.Module, last_bias: bool = True, convolution_bias: bool = False, classes: int = 5) -> nn.Module:
    """The first layer is solved by both kinds of equations, the second by its gradient; then a linear layer."""
    torch.manual_seed(0)
    return nn.Sequential(
        Normalise([0.5, 0.4], [0.25, 0.2]),
        nn.Conv2d(2, 10, 4, 2, 2, bias=convolution_bias),
        activation,
        nn.Conv2d(10, 12, 3, padding=1, bias=convolution_bias),
        activation,
        nn.Flatten(),
        nn.Linear(300, 40),
        activation,
        nn.Linear(40, classes, bias=last_bias),
    ).double()


def batch(count: int = 3, classes: int = 5, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, *SHAPE, generator=generator, dtype=torch.float64)
    return images, torch.randint(classes, (count, 1), generator=generator)


def recovered(seen, images, labels, made: RGap, error: float) -> bool:
    claims = list(made.reconstruct(seen, 0))
    assert [claim.ids.item() for claim in claims] == list(range(len(images)))
    return all(
        claim.status == [Status.CONVERGED]
        and claim.labels.tolist() == [labels[i].tolist()]
        and bool((claim.inputs[0] - images[i]).abs().max() < error)
        for i, claim in enumerate(claims)
    )


@pytest.mark.parametrize("last_bias", [True, False])
@pytest.mark.parametrize(
    "activation", [nn.LeakyReLU(0.2), nn.ELU(), nn.Sigmoid(), nn.Tanh(), nn.Softplus()], ids=lambda a: type(a).__name__
)
def test_images_and_labels_are_exact_in_float64(activation, last_bias) -> None:
    images, labels = batch()
    seen = observe_images(net(activation, last_bias, convolution_bias=last_bias), images, labels)
    assert recovered(seen, images, labels, attack(), 1e-5)  # 100 dB


def test_a_gradient_in_float32_leaves_its_own_rounding() -> None:
    images, labels = batch()
    seen = observe_images(net(nn.LeakyReLU(0.2)), images, labels)
    seen.gradients = {name: value.float() for name, value in seen.gradients.items()}
    assert recovered(seen, images, labels, attack(), 1e-4)


def test_two_classes_without_a_bias_are_told_apart_by_the_rest_of_the_gradient() -> None:
    """The paper's case: the last layer alone leaves several candidates."""
    images, labels = batch(6, classes=2)
    seen = observe_images(net(nn.LeakyReLU(0.2), last_bias=False, classes=2), images, labels)
    assert recovered(seen, images, labels, attack(), 1e-5)


def test_a_relu_is_inverted_where_it_is_positive() -> None:
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Conv2d(2, 24, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1536, 5)).double()
    images, labels = batch()
    assert recovered(observe_images(wide, images, labels), images, labels, attack(), 1e-5)


def test_another_gradient_is_no_picture() -> None:
    images, labels = batch(2)
    seen = observe_images(net(nn.LeakyReLU(0.2)), images, labels)
    noise = torch.Generator().manual_seed(0)
    for value in seen.gradients.values():
        value[0] += value[0].std() * torch.randn(value[0].shape, generator=noise, dtype=torch.float64)
    first, second = attack().reconstruct(seen, 0)
    assert first.status == [Status.UNVERIFIED] and first.inputs.isnan().all() and first.labels.tolist() == [[-1]]
    assert second.status == [Status.CONVERGED]  # a victim that fails leaves the others alone
    for value in seen.gradients.values():
        value[0] = torch.nan
    assert next(attack().reconstruct(seen, 0)).status == [Status.UNVERIFIED]


def test_the_rank_is_said_beforehand() -> None:
    images, labels = batch()
    ranks = attack().ranks(observe_images(net(nn.LeakyReLU(0.2)), images, labels))
    assert [(one.name, one.unknowns) for one in ranks] == [("1", 128), ("3", 250), ("6", 300)]
    assert all(one.suffices for one in ranks)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            [nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.LeakyReLU(), nn.Flatten(), nn.Linear(48, 5)],
            "cannot invert layer '0' of the model: its input has 128 entries, and its equations have rank 102 at most "
            r"\(54 from its gradient, 48 from its output\)",
        ),
        (
            [nn.Conv2d(2, 9, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 5)],
            r"cannot invert layer '2' of the model \(MaxPool2d\)",
        ),
        ([nn.Conv2d(2, 9, 3, padding=1), nn.GELU(), nn.Flatten(), nn.Linear(576, 5)], r"layer '1' of the model \(gelu"),
        ([nn.Flatten(), nn.Linear(128, 5), nn.LeakyReLU()], "needs a model that ends in a linear layer"),
    ],
    ids=["rank", "pooling", "activation", "last layer"],
)
def test_a_layer_that_does_not_suffice_is_refused_by_its_name(layers, sentence) -> None:
    images, labels = batch()
    torch.manual_seed(0)
    seen = observe_images(nn.Sequential(*layers).double(), images, labels)
    with pytest.raises(NotApplicable, match=sentence) as caught:
        attack().check(seen)
    assert "\n" not in str(caught.value)


def test_what_is_not_shared_is_refused_by_its_name() -> None:
    images, labels = batch()
    seen = observe_images(net(nn.LeakyReLU(0.2)), images, labels)
    del seen.gradients["3.weight"]
    with pytest.raises(NotApplicable, match="that of layer '3' is not shared"):
        attack().check(seen)
    with pytest.raises(NotApplicable, match="needs a batch of one example"):
        attack().check(observe_images(net(nn.LeakyReLU(0.2)), images.transpose(0, 1), labels.T))


@pytest.mark.parametrize(("tolerance", "enough"), [(0.0, 1e-2), (1.0, 1e-2), (1e-9, 0.0)])
def test_numbers_out_of_range_are_refused(tolerance, enough) -> None:
    with pytest.raises(ValueError, match="must be"):
        RGap(tolerance, enough, engine=ENGINE)
