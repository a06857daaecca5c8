"""Retrieval finds what is in the pool, and what it finds elsewhere is the nearest gradient of a plain search."""

from dataclasses import replace

import pytest
import torch
from observations import CLASSES, SHAPE
from public_observations import ENGINE, NO_DEFENSE, observe_public

from bench.attacks.retrieval import Retrieval
from bench.defenses.noise import Gaussian
from bench.defenses.pruning import Pruning
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status


def run(seen: Observation, labels: str = "own") -> Reconstruction:
    found = list(Retrieval(labels, True, engine=ENGINE).reconstruct(seen, 0))
    return Reconstruction(
        *[torch.cat([getattr(one, name) for one in found]) for name in ("ids", "inputs", "labels", "objective")],
        *[torch.cat([getattr(one, name) for one in found]) for name in ("iterations", "evaluations", "seconds")],
        [status for one in found for status in one.status],
    )


@pytest.mark.parametrize(
    "defense", [NO_DEFENSE, Pruning(0.5, "tensor"), Gaussian(1e-3, None, 0)], ids=["none", "pruning", "gaussian"]
)
def test_an_image_that_is_public_is_found_exactly(defense) -> None:
    seen, images, labels = observe_public(defense)
    assert seen.public is not None
    pool, theirs = seen.public.images.clone(), seen.public.labels.clone()
    places = torch.arange(8) * 71 + 3
    pool[places], theirs[places] = images[:, 0], labels[:, 0]
    found = run(replace(seen, public=replace(seen.public, images=pool, labels=theirs)))
    assert torch.equal(found.inputs, images) and torch.equal(found.labels, labels)
    assert found.status == [Status.CONVERGED] * 8 and found.evaluations.tolist() == [600] * 8
    if defense is NO_DEFENSE:  # a cosine of 1, but for the rounding of float64
        assert found.objective.abs().max() < 1e-12


def test_a_defence_is_imitated_if_it_is_known_and_there_is_no_chance_in_it() -> None:
    """The public image that is the victim's has a cosine of 1 with what was shared only under the same defence."""
    for defense, imitate, known, fixed in (
        (Pruning(0.5, "tensor"), True, True, True),
        (Pruning(0.5, "tensor"), False, True, False),
        (Pruning(0.5, "tensor"), True, False, False),
        (Gaussian(0.1, None, 0), True, True, False),
    ):
        seen, images, labels = observe_public(defense, public=8)
        assert seen.public is not None
        public = replace(seen.public, images=images[:, 0], labels=labels[:, 0])
        seen = replace(seen, public=public if known else replace(public, update=None))
        (found,) = Retrieval("own", imitate, engine=ENGINE).reconstruct(seen, 0)
        assert bool(found.objective.max() < 1e-12) == fixed


def test_elsewhere_it_is_the_largest_cosine_of_a_plain_search() -> None:
    seen, *_ = observe_public(public=70)
    found = run(seen)
    assert seen.public is not None
    weights = {name: value[0] for name, value in seen.parameters.items()}
    rows = []
    for image, label in zip(seen.public.images, seen.public.labels, strict=True):
        gradient = seen.task.gradient(weights, {}, image[None], label[None])
        rows.append(torch.cat([gradient[name].flatten() for name in seen.gradients]))
    for v in range(8):
        target = torch.cat([value[v].flatten() for value in seen.gradients.values()])
        cosines = torch.stack([torch.dot(row, target) / row.norm() / target.norm() for row in rows])
        assert torch.equal(found.inputs[v, 0], seen.public.images[cosines.argmax()])
        assert float(found.objective[v]) == pytest.approx(1 - float(cosines.max()), abs=1e-12)


def test_every_class_is_tried_where_public_labels_say_nothing() -> None:
    seen, images, labels = observe_public()
    assert seen.public is not None
    pool = seen.public.images.clone()
    pool[:8] = images[:, 0]
    wrong = (torch.cat([labels[:, 0], seen.public.labels[8:]]) + 1) % CLASSES
    found = run(replace(seen, public=replace(seen.public, images=pool, labels=wrong)), "all")
    assert torch.equal(found.inputs, images) and torch.equal(found.labels, labels)
    assert found.evaluations.tolist() == [600 * CLASSES] * 8


def test_victims_at_once_equal_one_by_one_and_models_may_differ() -> None:
    seen, *_ = observe_public(public=50)
    together = run(seen)
    for position in (6, 0):
        alone = run(seen.take(torch.tensor([position])))
        assert torch.equal(alone.inputs[0], together.inputs[position])
        assert torch.equal(alone.objective[0], together.objective[position])
    apart = replace(seen, parameters={name: value.contiguous() for name, value in seen.parameters.items()})
    found = run(apart)
    assert torch.equal(found.inputs, together.inputs) and torch.equal(found.ids, seen.ids)


def test_what_it_needs_is_said_in_a_line_and_the_defence_is_not_needed() -> None:
    seen, *_ = observe_public(public=3)
    assert seen.public is not None and seen.public.images.shape == (3, *SHAPE)
    attack = Retrieval("own", True, engine=ENGINE)
    attack.check(replace(seen, public=replace(seen.public, update=None)))
    nothing = replace(seen.public, images=seen.public.images[:0], labels=seen.public.labels[:0])
    for lacking, says in (
        (replace(seen, public=None), "threat=public_images"),
        (replace(seen, public=nothing), "threat=public_images"),
        (replace(seen, batch_size=2), "batch of one"),
    ):
        with pytest.raises(NotApplicable, match=says):
            attack.check(lacking)
    with pytest.raises(ValueError, match="labels='mine'"):
        Retrieval("mine", True, engine=ENGINE)
