"""Known answers of the linear layer: exact for one image whatever the network, in part for a batch, never a guess."""

import pytest
import torch

from bench.attacks.exact.first_layer import find_first_layer
from bench.attacks.exact.linear_layer import LinearLayer
from bench.attacks.exact.lone_rows import agreeing, fitted
from bench.config.compose import compose
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.status import Status
from bench.running.components import build

CELL = ["logger=none", "engine.threads=1", "engine.compile=false", "metric=mse", "attack=linear_layer"]
SMALL = ["data.size=12"]  # seven times fewer weights than 32x32 has


def attacked(*overrides: str, victims: int = 1):
    """The claims on real images, and the truth."""
    built = build(compose([*CELL, *SMALL, "model=mlp_wide", *overrides]))
    truth = built.data.deal(range(victims))
    return list(built.attack.reconstruct(built.client.share(truth), 0)), truth


def exact(claim, truth, position: int, bound: float) -> list[int]:
    """Which private images have been returned, up to `bound` in any pixel."""
    distances = (truth.inputs[position][:, None] - claim.inputs[0][None]).abs().flatten(2).amax(2)
    return [place for place, least in enumerate(distances.amin(1).tolist()) if least < bound]


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=mlp", "data.set=mnist"],
        ["model.activation=sigmoid"],
        ["model.mean=null", "model.std=null", "data.set=cifar100"],
        ["defense=local_steps", "defense.steps=3"],
        ["defense=clip", "defense.norm=1e-3"],
        ["model.mode=train", "threat=labels_known"],
    ],
    ids=" ".join,
)
def test_a_batch_of_one_is_exact_whatever_follows_the_layer(overrides: list[str]) -> None:
    """The gradient is in float32, whose rounding is 6e-8 of an input of at most 2."""
    claims, truth = attacked(*overrides, victims=2)
    for position, claim in enumerate(claims):
        assert claim.status == [Status.CONVERGED] and claim.ids.tolist() == [position]
        assert exact(claim, truth, position, 2e-6) == [0]
        assert claim.objective.item() < 1e-10


@pytest.mark.parametrize("overrides", [[], ["model.mean=null", "model.std=null", "data.set=mnist"]], ids=["", "raw"])
def test_a_batch_of_four_is_exact_with_its_labels(overrides: list[str]) -> None:
    (claim,), truth = attacked("data.batch_size=4", *overrides)
    assert claim.status == [Status.CONVERGED] and exact(claim, truth, 0, 1e-5) == [0, 1, 2, 3]
    distances = torch.cdist(claim.inputs[0].flatten(1), truth.inputs[0].flatten(1))
    assert claim.labels[0].tolist() == truth.labels[0][distances.argmin(1)].tolist()
    assert claim.objective.item() < 1e-8


def test_without_peeling_a_part_comes_back_and_the_rest_is_gray_without_labels() -> None:
    (claim,), truth = attacked("data.batch_size=8", "attack.peel=false")
    known = claim.labels[0] >= 0
    assert claim.status == [Status.PARTIAL] and not claim.status[0].failed
    assert len(exact(claim, truth, 0, 1e-5)) == int(known.sum()) and 0 < known.sum() < 8
    assert (claim.inputs[0][~known] == 0.5).all()


@pytest.mark.parametrize(
    "overrides",
    [
        ["data.batch_size=20"],
        ["data.batch_size=4", "model.activation=sigmoid"],
        ["data.batch_size=4", "defense=gaussian", "defense.std=1e-3"],
        ["data.batch_size=1", "defense=gaussian", "defense.std=10"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_verified_is_a_failed_victim_without_images(overrides: list[str]) -> None:
    (claim,), _ = attacked(*overrides)
    assert claim.status == [Status.UNVERIFIED] and claim.status[0].failed
    assert claim.inputs.isnan().all() and (claim.labels == -1).all()


def test_the_expected_error_under_noise_is_what_comes_about_in_the_mean() -> None:
    """One victim is off by up to a factor of 5, since its pixels share one shrinkage; the mean of 16 is not."""
    claims, truth = attacked("defense=gaussian", "defense.std=1e-3", victims=16)
    errors = [(claim.inputs[0] - truth.inputs[i]).square().mean().item() for i, claim in enumerate(claims)]
    assert all(claim.status == [Status.CONVERGED] for claim in claims)
    assert 1 / 2 < sum(errors) / sum(claim.objective.item() for claim in claims) < 2


@pytest.mark.parametrize("model", ["lenet", "vit_tiny"])
def test_a_model_without_such_a_layer_is_refused_in_one_line(model: str) -> None:
    with pytest.raises(NotApplicable, match="LinearLayer needs a model that begins with a linear layer") as caught:
        attacked(f"model={model}")
    assert "\n" not in str(caught.value)


def test_a_layer_whose_bias_is_not_shared_is_refused() -> None:
    with pytest.raises(NotApplicable, match="with both gradients shared"):
        attacked("model.shared=['*.weight']")


@pytest.mark.parametrize(("name", "value"), [("agreement", 0.0), ("largest_error", -1.0)])
def test_bad_arguments_are_named(name: str, value: float) -> None:
    given = {"agreement": 1e-4, "largest_error": 1e-2, "peel": True, name: value}
    with pytest.raises(ValueError, match=f"{name}={value}: must be > 0"):
        LinearLayer(**given, engine=EngineSettings(None, None, None, "float32"))


def test_with_honest_weights_a_part_of_a_batch_of_64_has_rows_of_its_own(shared_data) -> None:
    """The control that papers on malicious servers leave out. Over seeds 0 to 4, 13 to 28 of 64 images have a row."""
    data = ["data=folder", f"data.root={shared_data / 'cifar10'}", "data.batch_size=64", "data.victims=1"]
    built = build(compose([*CELL, *data, "model=mlp", "model.width=1000"]))
    truth = built.data.deal([0])
    seen = built.client.share(truth)
    layer, images = find_first_layer(seen), truth.inputs[0].flatten(1).double()
    assert layer is not None
    weight, bias = (seen.gradients[name][0].double() for name in (layer.weight, layer.bias))
    ratios = layer.pixels(weight[bias != 0] / bias[bias != 0, None])
    distances, nearest = torch.cdist(ratios, images).square().div(images.shape[1]).min(1)
    rows = torch.bincount(nearest[distances < 1e-6], minlength=64)
    assert 13 <= (rows > 0).sum() <= 28
    inputs = [fitted(weight[units], bias[units]) for units in agreeing(weight, bias, bias != 0, 1e-4)]
    found = torch.cdist(layer.pixels(torch.stack(inputs)), images).square().div(images.shape[1]).min(1)
    assert found.values.max() < 1e-6  # no mixture agrees with another
    assert sorted(found.indices.tolist()) == (rows > 1).nonzero().flatten().tolist()
