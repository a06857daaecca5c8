"""Verified examples of a batch, one after the other, on small networks with a known answer."""

from dataclasses import replace

import pytest
import torch
from observations import observe
from torch import Tensor, nn

from bench.attacks.exact.first_layer import find_first_layer
from bench.attacks.exact.lone_rows import agreeing, fitted
from bench.attacks.exact.peeling import PeelingState, VerifiedExample, is_repeated, lone_examples

CLASSES = 4


def network(width: int = 60, classes: int = CLASSES) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, width), nn.ReLU(), nn.Linear(width, classes)).double()


def batch(
    size: int, model: nn.Module | None = None, change=lambda gradient: gradient
) -> tuple[PeelingState, Tensor, Tensor]:
    """One victim of a network of ReLU, and its images `[B, 1, 2, 3]` and labels `[B]`."""
    seen, images, labels = observe(model or network(), victims=1, batch_size=size)
    layer = find_first_layer(seen)
    assert layer is not None and layer.rectified
    seen = replace(seen, gradients={name: change(value) for name, value in seen.gradients.items()})
    return PeelingState.of(seen, layer, 0), images[0], labels[0]


def verified(found: list[VerifiedExample], images: Tensor, labels: Tensor) -> int:
    """How many examples are exact, all of them and each another one (float64: a few times 1e-16 a subtraction)."""
    distances = torch.stack([(images - one.image).abs().flatten(1).amax(1) for one in found])
    places = distances.argmin(1)
    assert distances.amin(1).max() < 1e-9 and len(set(places.tolist())) == len(found)
    assert [one.label for one in found] == labels[places].tolist()
    return len(found)


def test_the_time_ends_it_between_two_groups() -> None:
    """A group costs a gradient for each class; two groups begin, and what they tell is kept."""
    state, images, labels = batch(4)
    answers = iter([True, True, False])
    found = lone_examples(state, 1e-7, True, lambda seconds: next(answers))
    # Each example that is found took one gradient more in the first round, and no second round began.
    assert state.evaluations == 2 * CLASSES and len(found) <= 2
    assert not found or verified(found, images, labels) == len(found)


def test_a_batch_is_peeled_to_its_last_example() -> None:
    whole, images, labels = batch(4)
    once, *_ = batch(4)
    first = verified(lone_examples(once, 1e-7, peel=False), images, labels)
    assert 0 < first < 4
    assert verified(lone_examples(whole, 1e-7, peel=True), images, labels) == 4
    assert whole.unexplained() < 1e-20 < 1e-3 < once.unexplained() < 1


def test_a_gradient_of_another_length_is_read_if_two_examples_agree_on_it() -> None:
    found, images, labels = batch(4, change=lambda gradient: 0.03 * gradient)
    assert verified(lone_examples(found, 1e-7, peel=True), images, labels) == 4


def test_a_perturbed_gradient_gives_no_example() -> None:
    torch.manual_seed(1)
    found, *_ = batch(4, change=lambda gradient: gradient + 1e-3 * torch.randn_like(gradient))
    assert lone_examples(found, 1e-7, peel=True) == []


def test_mixtures_that_agree_are_not_believed() -> None:
    """Behind a single unit, all units weigh two examples alike, so that their mixtures agree exactly too."""
    torch.manual_seed(0)
    narrow = nn.Sequential(nn.Flatten(), nn.Linear(6, 120), nn.ReLU(), nn.Linear(120, 1), nn.Linear(1, 4)).double()
    found, images, labels = batch(4, narrow)
    groups = list(agreeing(found.of_weight, found.of_bias, found.usable(), 1e-7))
    inputs = torch.stack([found.image(fitted(found.of_weight[g], found.of_bias[g])) for g in groups])
    assert (torch.cdist(inputs.flatten(1), images.flatten(1)).amin(1) > 1e-3).any()  # there are such mixtures
    assert verified(lone_examples(found, 1e-7, peel=True), images, labels) >= 2


def test_granted_labels_are_the_only_ones_tried() -> None:
    seen, _, labels = observe(network(), victims=1, batch_size=4)
    layer = find_first_layer(seen)
    assert list(PeelingState.of(seen, layer, 0).classes) == list(range(CLASSES))
    granted = PeelingState.of(replace(seen, labels=labels), layer, 0)
    assert list(granted.classes) == sorted(set(labels[0].tolist()))


@pytest.mark.parametrize("size", [2, 3])
def test_equal_images_are_as_many_examples_as_their_weight_says(size: int) -> None:
    seen, images, labels = observe(network(), victims=1, batch_size=1)
    layer = find_first_layer(seen)
    assert layer is not None
    found = lone_examples(PeelingState.of(replace(seen, batch_size=size), layer, 0), 1e-7, peel=True)
    assert [one.label for one in found] == labels[0].tolist() * size
    assert all(torch.allclose(one.image, images[0, 0], atol=1e-12) for one in found)


def test_an_example_whose_rows_make_two_groups_is_not_taken_twice() -> None:
    """Of 4 batches of 64 CIFAR-10 images at width 1,000, two had an example twice, in place of one that was missed."""
    image = torch.rand(1, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = [VerifiedExample(image.flip(2), 0), VerifiedExample(image, 1)]
    assert is_repeated(VerifiedExample(image * (1 + 1e-6), 1), found, 1e-5)
    assert not is_repeated(VerifiedExample(image * (1 + 1e-4), 1), found, 1e-5)
    assert not is_repeated(VerifiedExample(image, 1), found[:1], 1e-5)
