"""SPEAR from an observation to images: all of a batch exactly, or a failure without any, and nothing by the truth."""

import pytest
import torch
from layer_gradients import known

from bench.attacks.exact.spear.attack import Spear
from bench.attacks.exact.spear.published import SpearPublished
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.status import Status

ENGINE = EngineSettings(chunk=1, threads=1, compile=False, precision="float64")
# on bright images in [0, 1], few units are dead: the search takes more of them, and sampling a lower threshold
RAW = {
    "spear": ["model.mean=null", "model.std=null", "model.width=400", "data.batch_size=8"],
    "spear_published": ["model.mean=null", "model.std=null", "model.width=400", "attack.sparsity=0.15"],
}


def cell(parties, *overrides):
    narrow = ["model=mlp_wide", "model.width=150", "data=samples", "data.set=cifar10", "data.batch_size=4"]
    return parties(*narrow, "attack=spear", *overrides)


@pytest.mark.parametrize("attack", ["spear", "spear_published"])
@pytest.mark.parametrize("raw", [False, True], ids=["normalised", "raw"])
def test_every_image_of_a_batch_comes_back(parties, attack, raw) -> None:
    built = cell(parties, f"attack={attack}", *(RAW[attack] if raw else []))
    victims = built.data.deal([0, 1])
    for victim, claim in enumerate(built.attack.reconstruct(built.client.share(victims), 0)):
        assert claim.status == [Status.CONVERGED] and claim.ids.tolist() == [victim]
        assert claim.objective.item() < 1e-3 and (claim.labels == -1).all() and claim.iterations.item() > 0
        scores = built.scorer(claim, built.data.deal([victim]))
        assert scores.values["mse"].max() < 1e-8  # a gradient in float32


@pytest.mark.slow
def test_victims_at_once_are_those_one_by_one_and_the_truth_is_not_in_reach(parties) -> None:
    built = cell(parties)
    victims = built.data.deal([0, 1, 2])
    seen = built.client.share(victims)
    victims.inputs.zero_()
    together = list(built.attack.reconstruct(seen, 0))
    for victim in range(3):
        (alone,) = built.attack.reconstruct(seen.take(torch.tensor([victim])), 0)
        assert torch.equal(alone.inputs, together[victim].inputs) and alone.inputs.abs().sum() > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_of_one_needs_no_search(parties, dtype) -> None:
    """A single image leaves no live unit dead, so nothing could be searched by dead units."""
    built = cell(parties, "data.batch_size=1", "attack=spear_published", f"engine.dtype={dtype}")
    (claim,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
    assert claim.status == [Status.CONVERGED] and claim.iterations.item() == 0
    assert built.scorer(claim, built.data.deal([0])).values["mse"].max() < {"float32": 1e-8, "float64": 1e-20}[dtype]


@pytest.mark.parametrize("attack", ["spear", "spear_published"])
def test_the_batch_size_is_the_rank_if_it_is_not_granted(parties, attack) -> None:
    """Two equal images are one to a gradient: without B, one of them is returned, and with it nothing."""
    built = cell(parties, f"attack={attack}", "threat=eavesdropper")
    victims = built.data.deal([0, 1])
    victims.inputs[1, 3] = victims.inputs[1, 0]
    victims.labels[1, 3] = victims.labels[1, 0]
    seen = built.client.share(victims)
    assert seen.batch_size is None
    whole, three = built.attack.reconstruct(seen, 0)
    assert whole.status == three.status == [Status.CONVERGED]
    assert built.scorer(whole, built.data.deal([0])).values["mse"].max() < 1e-8
    assert three.inputs.shape[1] == 3
    distance = (three.inputs[0, :, None] - victims.inputs[1][None]).square().flatten(2).mean(-1)
    assert (distance.amin(0) < 1e-8).all()


@pytest.mark.slow
def test_a_gradient_that_cannot_be_explained_is_a_failure_without_images(parties) -> None:
    """Noise as large as the gradient, two equal images, numbers that are none, and no gradient at all."""
    built = cell(parties, "attack.starts=256")
    victims = built.data.deal([0, 1, 2, 3])
    victims.inputs[1, 2] = victims.inputs[1, 0]
    seen = built.client.share(victims)
    layer = seen.gradients["body.2.weight"]
    layer[0] += 0.3 * layer[0].abs().max() * torch.randn(layer[0].shape, generator=torch.Generator().manual_seed(0))
    layer[2, 0, 0] = torch.nan
    layer[3] = 0
    claims = list(built.attack.reconstruct(seen, 0))
    wanted = [Status.UNVERIFIED, Status.UNVERIFIED, Status.NONFINITE, Status.UNVERIFIED]
    assert [claim.status[0] for claim in claims] == wanted
    for victim, claim in enumerate(claims):
        assert claim.inputs.isnan().all() and claim.status[0].failed and claim.objective.item() > 1e-3
        assert not built.scorer(claim, built.data.deal([victim])).scored.any()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model=lenet", "model.width=4"], "begins with a linear layer with a bias"),
        (["model.activation=sigmoid"], "needs a ReLU behind the first linear layer"),
        (["model.shared=[fc.*]"], "with both gradients shared"),
    ],
)
def test_what_cannot_be_served_is_one_line(parties, overrides, sentence) -> None:
    with pytest.raises(NotApplicable, match=sentence) as caught:
        cell(parties, *overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "sentence"), [({"rounding": 0.0}, "rounding=0.0: must be > 0"), ({"accept": 1.5}, "accept=1.5: must")]
)
def test_numbers_out_of_range_are_refused(changed, sentence) -> None:
    given = {"starts": 9, "at_once": 9, "steps": 9, "patience": 9, "certificate": 0.99, "rounding": None, "accept": 1.0}
    with pytest.raises(ValueError, match=sentence):
        Spear(**{**given, **changed}, engine=ENGINE)


@pytest.mark.slow
def test_what_counts_as_zero_follows_from_the_type_of_the_gradient_or_is_given() -> None:
    """A gradient in float32 has no zeros at the rounding of float64 (`spear` measures it as noise).

    How many images so few samples find depends on the processor's rounding, so only none is told from some.
    """
    problem = known(6, width=96, dtype=torch.float32)

    def found(rounding, dtype):
        attack = SpearPublished(1024, 1024, 0.2, rounding, 0.999, engine=ENGINE)
        return attack.find(problem.layer, dtype, 6, torch.Generator().manual_seed(0)).least

    assert found(None, torch.float32) == found(5e-8, torch.float64) > 0.5
    assert found(None, torch.float64) == found(1e-13, torch.float32) == 0


@pytest.mark.slow
@pytest.mark.parametrize("defense", ["gaussian", "float16"])
def test_a_defence_that_hides_the_zeros_is_measured_and_the_images_come_back(parties, defense) -> None:
    std = ["defense.std=1e-4"] if defense == "gaussian" else []
    built = cell(parties, "model.width=400", f"defense={defense}", *std)
    (claim,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
    assert claim.status == [Status.CONVERGED]
    assert built.scorer(claim, built.data.deal([0])).values["mse"].max() < 1e-4


def test_noise_is_measured_only_if_the_batch_size_is_known(parties) -> None:
    built = cell(parties, "attack.starts=256", "defense=gaussian", "defense.std=1e-4", "threat=eavesdropper")
    (claim,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
    assert claim.status == [Status.UNVERIFIED] and claim.inputs.isnan().all()
