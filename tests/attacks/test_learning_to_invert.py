"""Learning to invert: better than the mean image under any known defence, and the same for every company of victims."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from observations import SHAPE
from public_observations import NO_DEFENSE, observe_public, settings
from torch import Tensor

from bench.attacks.learning_to_invert import LearningToInvert
from bench.defenses.base import Defense
from bench.defenses.noise import Gaussian
from bench.defenses.pruning import Pruning
from bench.defenses.sign import Sign
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status


def run(attack: LearningToInvert, seen: Observation, seed: int = 0) -> Reconstruction:
    (found,) = attack.reconstruct(seen, seed)
    return found


def error(found: Tensor, images: Tensor) -> float:
    return float((found.double() - images).square().mean())


@pytest.mark.parametrize(
    ("defense", "share"),
    [
        (NO_DEFENSE, 0.5),
        (Gaussian(1e-2, None, 0), 0.6),
        (Pruning(0.5, "tensor"), 0.8),
        (Gaussian(1e3, None, 0), 1.2),
        (Sign(False), 1.2),
    ],
    ids=["none", "gaussian", "pruning", "noise alone", "sign"],
)
def test_it_beats_the_mean_image_by_a_margin_that_the_defence_sets(defense: Defense, share: float) -> None:
    """The mean image has an MSE of 1/12. Of noise alone nothing can be learned, nor of signs: where pixels are above
    zero, the signs of delta x' are those of delta. Then the mean image comes out, whose error on 40 images of 6 pixels
    has a deviation of 6 % of 1/12."""
    seen, images, _ = observe_public(defense, victims=40)
    found = run(LearningToInvert(**settings()), seen)
    assert found.inputs.shape == (40, 1, *SHAPE) and found.inputs.min() >= 0 and found.inputs.max() <= 1
    assert error(found.inputs, images) < share / 12
    if share > 1:
        assert error(found.inputs, images) > 0.8 / 12


def test_it_claims_no_label_and_has_no_objective() -> None:
    seen, *_ = observe_public()
    found = run(LearningToInvert(**settings()), seen)
    assert (found.labels == -1).all() and found.objective.isnan().all() and not found.evaluations.any()
    assert found.status == [Status.CONVERGED] * 8 and (found.seconds > 0).all()


def test_victims_at_once_equal_one_by_one_and_the_network_is_trained_once() -> None:
    seen, *_ = observe_public()
    attack = LearningToInvert(**settings())
    together = run(attack, seen)
    learned = attack._learned
    for position in (5, 0):
        alone = run(attack, seen.take(torch.tensor([position])))
        assert torch.equal(alone.inputs[0], together.inputs[position])
    assert attack._learned is learned
    # an attack of its own that has seen one victim only has learned the same
    fresh = run(LearningToInvert(**settings()), seen.take(torch.tensor([3])))
    assert torch.equal(fresh.inputs[0], together.inputs[3])


def test_another_seed_or_another_model_is_learned_anew() -> None:
    seen, *_ = observe_public()
    attack = LearningToInvert(**settings(epochs=2))
    first = run(attack, seen)
    learned = attack._learned
    assert not torch.equal(run(attack, seen, seed=1).inputs, first.inputs)
    assert torch.equal(run(attack, seen).inputs, first.inputs)
    other = {name: 2 * value[:1].expand(8, *value.shape[1:]) for name, value in seen.parameters.items()}
    run(attack, replace(seen, parameters={n: v[:1].expand_as(other[n]) for n, v in other.items()}))
    assert attack._learned is not learned


def test_a_gradient_that_is_not_finite_is_a_failure_of_that_victim() -> None:
    seen, *_ = observe_public()
    seen.gradients["1.weight"][2] = torch.nan
    found = run(LearningToInvert(**settings(epochs=2)), seen)
    assert found.status[2] is Status.NONFINITE and found.status.count(Status.CONVERGED) == 7
    assert found.inputs[2].isnan().all() and found.inputs[3].isfinite().all()


def test_only_the_first_images_are_used_if_fewer_are_asked_for() -> None:
    seen, *_ = observe_public()
    assert seen.public is not None
    few = replace(seen.public, images=seen.public.images[:50], labels=seen.public.labels[:50])
    ours = run(LearningToInvert(**settings(images=50, epochs=3)), seen)
    theirs = run(LearningToInvert(**settings(epochs=3)), replace(seen, public=few))
    assert torch.equal(ours.inputs, theirs.inputs)


def test_what_it_needs_is_said_in_a_line() -> None:
    seen, *_ = observe_public(public=3)
    assert seen.public is not None
    attack = LearningToInvert(**settings())
    attack.check(seen)
    apart = {name: value.contiguous() for name, value in seen.parameters.items()}
    one = replace(seen.public, images=seen.public.images[:1], labels=seen.public.labels[:1])
    for lacking, says in (
        (replace(seen, public=None), r"threat=public_images"),
        (replace(seen, public=replace(seen.public, update=None)), r"what the client's defences make of other images"),
        (replace(seen, public=one), r"at least 2 public images, and 1 are granted"),
        (replace(seen, parameters=apart), r"model\.per_victim=false"),
        (replace(seen, batch_size=2), r"batch of one"),
    ):
        with pytest.raises(NotApplicable, match=says):
            attack.check(lacking)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": 1}, "images=1"),
        ({"draws": 0}, "draws=0"),
        ({"bins": 0}, "bins=0"),
        ({"held_out": 1.0}, "held_out=1.0"),
        ({"width": 0}, "width=0"),
        ({"lr": 0.0}, "lr=0.0"),
    ],
)
def test_a_number_out_of_its_range_is_named(change: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LearningToInvert(**settings(**change))


@pytest.fixture(scope="module")
def digits(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets with MNIST's test split in torchvision's layout."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for packed in (shared_data / "raw" / "mnist").glob("*.gz"):
        (folder / "MNIST" / "raw" / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("defense", ["none", "sign"])
def test_on_digits_it_is_far_above_the_mean_image_and_retrieval(parties, digits: Path, defense: str) -> None:
    """Half of MNIST's test split is public. The anchor was measured beforehand with another network: 17.3 dB from
    5,500 images of the split without a defence, where the mean image has 11.7. Signs hide little from it."""
    words = ["data=mnist", f"paths.data={digits}", "data.victims=100", "model.per_victim=false"]
    words += [f"defense={defense}", "threat=public_images"]
    psnr = {}
    for name in ("learning_to_invert", "retrieval"):
        built = parties(*words, f"attack={name}")
        victims = built.data.deal(range(100))
        seen = built.client.share(victims)
        assert seen.public is not None and len(seen.public) == 5000
        found = torch.cat([guess.inputs for guess in built.attack.reconstruct(seen, 0)])
        psnr[name] = decibels(found, victims.inputs)
    mean = seen.public.images.mean(0).expand_as(victims.inputs)
    assert 11 < decibels(mean, victims.inputs) < 12.5
    assert psnr["learning_to_invert"] > 17.3 and psnr["learning_to_invert"] > psnr["retrieval"] + 2
    assert psnr["retrieval"] > 13


def decibels(found: Tensor, images: Tensor) -> float:
    """The mean over victims of the PSNR."""
    return float((-10 * (found - images).square().flatten(1).mean(1).log10()).mean())
