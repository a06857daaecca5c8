"""Value and gradient of the distance between gradients, against a real module and autograd, one victim at a time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from observations import CLASSES, SHAPE, net, observe
from references.sequential import matching_objective

from bench.engine.matching import Layout, Matching
from bench.objectives.squared_error import SquaredError

FLOAT64 = torch.float64


def distance(ours: dict, theirs: dict) -> torch.Tensor:
    """DLG's squared error as it is published, without a scale."""
    return sum((ours[name] - theirs[name]).square().flatten(1).sum(1) for name in theirs)


def assert_as_alone(made: Matching, seen, labels, z: torch.Tensor, victims: list[int]) -> None:
    """Each slot's value and gradient equal those of its victim by plain autograd: float64, so 1e-9 is rounding."""
    values, slopes = made(z)
    torch.testing.assert_close(made.value(z), values, rtol=1e-12, atol=0)
    for slot, victim in enumerate(victims):
        row = z[slot].clone().requires_grad_()
        value = matching_objective(seen, victim, labels, net())(row)
        torch.testing.assert_close(values[slot], value.detach(), rtol=1e-9, atol=1e-15)
        torch.testing.assert_close(slopes[slot], torch.autograd.grad(value, row)[0], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("one_model", [False, True])
@pytest.mark.parametrize("optimised", [False, True], ids=["known labels", "label logits"])
@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "one by one"])
def test_each_slot_has_the_value_and_gradient_of_its_victim(one_model: bool, optimised: bool, mapped: bool) -> None:
    """In any order, and after another victim has entered a slot."""
    seen, _, truth = observe(net(), one_model=one_model)
    labels = None if optimised else truth
    layout = Layout(2, SHAPE, CLASSES if optimised else 0)
    made = Matching(seen, layout, distance, labels, FLOAT64)
    if not mapped:
        made.one_by_one()
    z = torch.randn(2, layout.n, dtype=FLOAT64, generator=torch.Generator().manual_seed(2))
    made.load(torch.tensor([2, 0]))
    assert_as_alone(made, seen, labels, z, [2, 0])
    made.replace(torch.tensor([0]), torch.tensor([1]))
    assert_as_alone(made, seen, labels, z, [1, 0])
    assert made.shares_model == one_model


def test_the_truth_is_a_minimum_of_zero() -> None:
    seen, images, labels = observe(net(), unit=0.3)
    made = Matching(seen, Layout(2, SHAPE, 0), SquaredError(1.0), labels, FLOAT64)
    made.load(torch.arange(3))
    value, slope = made(images.flatten(1))
    elsewhere, _ = made(1 - images.flatten(1))
    assert (value < 1e-20).all() and slope.abs().max() < 1e-9 and (elsewhere > 1e-4).all()


def test_the_factor_of_an_update_is_divided_out_of_the_distance() -> None:
    """Local steps make the update 0.3 times as long as the gradient: the distance is that between gradients."""
    found = []
    for unit in (1.0, 0.3):
        seen, images, labels = observe(net(), unit=unit)
        made = Matching(seen, Layout(2, SHAPE, 0), distance, labels, FLOAT64)
        made.load(torch.arange(3))
        found.append(made.value(1 - images.flatten(1)))
    torch.testing.assert_close(*found)


def test_penalties_are_added_to_the_distance() -> None:
    seen, images, labels = observe(net())
    made = Matching(seen, Layout(2, SHAPE, 0), distance, labels, FLOAT64, [lambda x: 3 * x.flatten(1).square().sum(1)])
    made.load(torch.arange(3))
    z = images.flatten(1)
    value, slope = made(z)
    torch.testing.assert_close(value, 3 * z.square().sum(1))
    torch.testing.assert_close(slope, 6 * z)


@given(st.integers(1, 3), st.integers(0, 4), st.tuples(*[st.integers(1, 3)] * 3))
def test_a_layout_is_images_and_then_logits(batch_size: int, classes: int, shape: tuple[int, ...]) -> None:
    layout = Layout(batch_size, shape, classes)
    z = torch.arange(2.0 * layout.n).view(2, -1)
    images, logits = layout.split(z)
    assert images.shape == (2, batch_size, *shape) and (logits is None) == (classes == 0)
    tail = [] if logits is None else [logits.flatten(1)]
    assert torch.equal(torch.cat([images.flatten(1), *tail], 1), z)


def test_a_compiled_function_serves_its_own_number_of_slots_only() -> None:
    seen, images, labels = observe(net())
    made = Matching(seen, Layout(2, SHAPE, 0), distance, labels, FLOAT64)
    sizes = []

    def compiled(*arguments):
        sizes.append(len(arguments[-1]))
        return made.function(*arguments)

    made.use(compiled, 3)
    assert made.compiled_slots == 3
    for slots in (3, 2):
        made.load(torch.arange(slots))
        made(images.flatten(1)[:slots])
    made.use(None, 0)
    made(images.flatten(1)[:2])
    assert sizes == [3] and made.compiled_slots is None
