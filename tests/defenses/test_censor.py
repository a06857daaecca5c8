"""CENSOR: updates at a right angle to the gradient, those of the published code not, and the best is shared."""

import re

import pytest
import torch
from defenses.trees import local
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bench.defenses.censor import Censor, orthogonal, published
from bench.errors import NotApplicable

EXACT = {"projection": "orthogonal", "trials": 20, "lr": 1e-4, "seed": 0}
SMALL = ("attack=noise", "data.set=mnist", "data.size=8", "model.width=3", "engine.dtype=float64")


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(functional.cosine_similarity(a.flatten().double(), b.flatten().double(), 0))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 300), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_an_update_is_at_a_right_angle_and_as_long(n, length, seed) -> None:
    g = torch.Generator().manual_seed(seed)
    gradient = torch.randn(n, generator=g)
    gradient *= length / gradient.norm()
    for update in orthogonal(gradient, torch.randn(3, n, generator=g)):
        # float32: an entry's rounding is 6e-8 of it
        assert abs(cosine(update, gradient)) < 1e-5
        assert float(update.norm()) == pytest.approx(length, rel=1e-4)


def test_a_single_number_and_a_gradient_of_zero_give_zeros() -> None:
    """Nothing is at a right angle to a number, and rounding must not be made as long as the gradient."""
    assert orthogonal(torch.tensor([3.0]), torch.tensor([[0.7], [-2.0]])).tolist() == [[0.0], [0.0]]
    assert (
        not orthogonal(torch.zeros(5), torch.ones(2, 5)).any() and not published(torch.zeros(5), torch.ones(2, 5)).any()
    )


def code(grad: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """The authors' two functions, line by line, for one tensor."""
    random_grad = drawn / torch.norm(drawn)
    proj_scalar = torch.dot(random_grad, grad) / torch.norm(grad)
    og = random_grad - proj_scalar * grad
    return og / torch.norm(og) * torch.norm(grad)


@pytest.mark.parametrize(
    ("length", "a", "expected"), [(0.01, -0.018, -0.018), (0.3, 0.043, 0.030), (1.0, 0.05, 0.0), (5.0, 0.0193, -0.077)]
)
def test_the_published_update_is_not_at_a_right_angle_unless_the_gradient_has_length_one(length, a, expected) -> None:
    """The cosines of the survey, from draws whose own cosine with the gradient is a."""
    g = torch.Generator().manual_seed(0)
    axis, other = torch.linalg.qr(torch.randn(40, 2, generator=g, dtype=torch.float64)).Q.T
    drawn = 7 * (a * axis + (1 - a * a) ** 0.5 * other)
    (update,) = published(length * axis, drawn[None])
    torch.testing.assert_close(update, code(length * axis, drawn))
    assert cosine(update, axis) == pytest.approx(expected, abs=5e-4)
    assert cosine(update, axis) == pytest.approx(a * (1 - length) / (1 - 2 * a * a * length + (a * length) ** 2) ** 0.5)


@pytest.mark.parametrize(("defense", "right"), [("censor", True), ("censor_published", False)])
def test_what_a_client_sends_is_at_a_right_angle_tensor_by_tensor(parties, defense, right) -> None:
    plain, built = parties(*SMALL), parties(*SMALL, f"defense={defense}", "defense.trials=3")
    victims = built.data.deal([0, 5])
    clean, seen = plain.client.share(victims).gradients, built.client.share(victims).gradients
    for v in range(2):
        cosines = [abs(cosine(seen[name][v], clean[name][v])) for name in clean]
        assert (max(cosines) < 1e-12) == right
        for name in clean:
            torch.testing.assert_close(seen[name][v].norm(), clean[name][v].norm(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("projection", ["orthogonal", "published"])
def test_the_update_with_the_least_loss_is_shared(parties, projection) -> None:
    """The loss itself, in float64, where its differences of lr^2 are above rounding; a large lr makes them larger."""
    settings = (*SMALL, "defense=censor", f"defense.projection={projection}", "defense.trials=6", "defense.lr=1e-3")
    plain, built = parties(*SMALL), parties(*settings)
    victims = built.data.deal([2])
    model, shared = built.client.model.double(), built.client.share(victims)
    own = {name: value[0] for name, value in shared.parameters.items()}
    clean = {name: value[0] for name, value in plain.client.share(victims).gradients.items()}
    part = built.client.defense
    drawn = built.client.runner._beforehand(built.client.runner.step, shared.parameters, victims.ids)[0][1]
    updates = part.updates(clean, {name: value[0] for name, value in drawn.items()})
    losses = []
    for trial in range(6):
        moved = {name: own[name] - part.lr * updates[name][trial] for name in own}
        logits = torch.func.functional_call(model, moved, (victims.inputs[0].double(),))
        losses.append(float(functional.cross_entropy(logits, victims.labels[0])))
    assert len(set(losses)) == 6
    best = losses.index(min(losses))
    for name in own:
        torch.testing.assert_close(shared.gradients[name][0], updates[name][best])


def test_a_limit_is_refused_because_the_direction_is_secret() -> None:
    with pytest.raises(NotApplicable, match="shares a random direction"):
        Censor(**EXACT).gaussian_std(local())


@pytest.mark.parametrize(("name", "value"), [("projection", "'right'"), ("trials", 0), ("lr", 0.0)])
def test_what_leaves_its_range_is_refused(name, value) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name}={value}")):
        Censor(**EXACT | {name: value.strip("'") if isinstance(value, str) else value})
