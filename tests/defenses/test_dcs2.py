"""DCS-2 crafts the images and shares the gradient that the authors' loop does, written plainly below."""

import re

import numpy as np
import pytest
import torch
from defenses.trees import local
from scipy.optimize import minimize_scalar
from torch import nn
from torch.nn import functional

from bench.defenses.base import PlainGradient
from bench.defenses.clip import Clip
from bench.defenses.dcs2 import DCS2, repaired
from bench.defenses.example_form import ExampleForm
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable
from bench.models.introspect import gradient_of

OWN = {"sensitive": 2, "iterations": 8, "lr": 0.1, "separation": 0.3, "outputs": 0.05, "share": 0.7, "seed": 0}
FORM = ExampleForm((1, 4, 4), 5, by_token=False, refusal=None, soft=False)
BATCH = 3


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.Sigmoid(), nn.Linear(12, 5)).double()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(BATCH, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return images, torch.tensor([1, 4, 2])


def shared(defense: DCS2, labels: torch.Tensor | None = None):
    """What is shared, with the random numbers of the step."""
    model, (images, own) = network(), batch()
    known = local(model=model, batch_size=BATCH, examples=FORM)
    step = defense.wrap(PlainGradient(gradient_of(model, functional.cross_entropy)), known)
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    noise = step.noise({}, BATCH, VictimRng((3,)))
    found, state = step(parameters, {}, images, own if labels is None else labels, noise, ())
    assert state == ()
    return found, noise


def published(defense: DCS2, start: torch.Tensor, other: torch.Tensor) -> list[torch.Tensor]:
    """`defense_optim` and `project2cone2` of dlg/defenses/dcs.py, without their batches of clients."""
    model, (images, labels) = network(), batch()
    weights, n = list(model.parameters()), defense.sensitive
    original = torch.autograd.grad(functional.cross_entropy(model(images), labels), weights)
    private, own = images[-n:], labels[-n:]
    private_gradient = torch.autograd.grad(functional.cross_entropy(model(private), own), weights)
    private_output = model(private).detach()
    proxies = (defense.share * start.double() + (1 - defense.share) * private).requires_grad_()
    adam = torch.optim.Adam([proxies], lr=defense.lr)
    falls = [3 * defense.iterations // 8, 5 * defense.iterations // 8, 7 * defense.iterations // 8]
    rate = torch.optim.lr_scheduler.MultiStepLR(adam, falls, gamma=0.1)
    for _ in range(defense.iterations):
        output = model(proxies)
        found = torch.autograd.grad(functional.cross_entropy(output, other), weights, create_graph=True)
        product = sum((x * y).sum() for x, y in zip(private_gradient, found, strict=True))
        squares = [sum(x.square().sum() for x in of) for of in (private_gradient, found)]
        angle = 1 - product / (squares[0].sqrt() * squares[1].sqrt() + 1e-12)
        apart = (proxies - private).flatten(1).norm(dim=1).mean()
        moved = ((output - private_output).norm(dim=1) / private_output.norm(dim=1)).mean()
        loss = angle + torch.exp(-defense.separation * apart) + defense.outputs * (moved - 0.01)
        adam.zero_grad()
        loss.backward()
        adam.step()
        rate.step()
    output = model(torch.cat([proxies.detach(), images]))
    whole = defense.share * functional.cross_entropy(output[:n], other)
    whole = whole + (1 - defense.share) * functional.cross_entropy(output[:n], own)
    whole = (whole + functional.cross_entropy(output[n:], labels)) / (2 if defense.share in (0, 1) else 3)
    mixed = torch.autograd.grad(whole, weights)
    product = sum((x * y).sum() for x, y in zip(mixed, original, strict=True))
    if product < 0:
        square = sum(x.square().sum() for x in original)
        multiple = max(0.5, float(-product / (square + 1e-3)))
        mixed = [x + multiple * y for x, y in zip(mixed, original, strict=True)]
    return list(mixed)


@pytest.mark.parametrize(
    "changed",
    [{}, {"share": 1.0}, {"share": 0.0}, {"sensitive": 1, "iterations": 16}, {"sensitive": 3, "outputs": 0.0}],
)
def test_what_is_shared_is_what_the_published_loop_shares(changed) -> None:
    """Double precision; Adam divides by small second moments, so that rounding grows over the steps."""
    defense = DCS2(**OWN | changed)
    found, (start, other) = shared(defense)
    for ours, theirs in zip(found.values(), published(defense, start, other), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


def test_probabilities_are_labels_too() -> None:
    hard, _ = shared(DCS2(**OWN))
    soft, _ = shared(DCS2(**OWN), functional.one_hot(batch()[1], 5).double())
    for name, value in hard.items():
        torch.testing.assert_close(soft[name], value, rtol=1e-6, atol=1e-8)


def test_an_attacker_who_moves_a_concealing_image_too_finds_the_private_one() -> None:
    """One image, its label known: least squares by L-BFGS from noise, over both images and the drawn label."""
    defense = DCS2(**OWN | {"sensitive": 1})
    model, image, label = network(), batch()[0][:1], batch()[1][:1]
    weights = list(model.parameters())
    step = defense.wrap(
        PlainGradient(gradient_of(model, functional.cross_entropy)), local(model=model, batch_size=1, examples=FORM)
    )
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    seen, _ = step(parameters, {}, image, label, step.noise({}, 1, VictimRng((3,))), ())
    length = sum(value.square().sum() for value in seen.values())
    generator = torch.Generator().manual_seed(0)
    dummies = [torch.rand(1, 1, 4, 4, generator=generator).double().requires_grad_() for _ in range(2)]
    unknown = [*dummies, torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)]
    known = functional.one_hot(label, 5).double()
    lbfgs = torch.optim.LBFGS(
        unknown, max_iter=1000, tolerance_change=1e-16, tolerance_grad=1e-14, line_search_fn="strong_wolfe"
    )

    def distance() -> torch.Tensor:
        mixed = defense.share * unknown[2].softmax(1) + (1 - defense.share) * known
        loss = (
            functional.cross_entropy(model(unknown[1]), mixed) + functional.cross_entropy(model(unknown[0]), known)
        ) / 3
        found = torch.autograd.grad(loss, weights, create_graph=True)
        off = sum((one - value).square().sum() for one, value in zip(found, seen.values(), strict=True)) / length
        for value, slope in zip(unknown, torch.autograd.grad(off, unknown), strict=True):
            value.grad = slope
        return off.detach()

    lbfgs.step(distance)
    errors = [float((dummy.detach() - image).square().mean()) for dummy in dummies]
    assert errors[0] < 1e-5 < 1e-2 < errors[1]


def test_labels_are_drawn_from_all_classes_and_the_start_from_the_range_of_pixels() -> None:
    known = local(model=network(), batch_size=BATCH, examples=FORM)
    step = DCS2(**OWN).wrap(PlainGradient(lambda *_: {}), known)
    drawn = [step.noise({}, BATCH, VictimRng((seed,))) for seed in range(100)]
    labels, starts = torch.cat([label for _, label in drawn]), torch.cat([start for start, _ in drawn])
    assert labels.unique().tolist() == [0, 1, 2, 3, 4] and labels.dtype == torch.long
    assert starts.shape == (200, 1, 4, 4) and 0 <= starts.min() < 0.01 < 0.99 < starts.max() < 1


@pytest.mark.parametrize("length", [0.2, 1.0, 5.0])
def test_a_gradient_that_points_away_is_turned_by_the_quadratic_programs_solution(length: float) -> None:
    """Over multiples of at least 1/2, as `quadprog` has them; another gradient stays as it is."""
    plain = {"w": torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double(), "b": torch.ones(3).double()}
    away = {name: 0.1 - length * value for name, value in plain.items()}
    ours, row = (torch.cat([value.flatten() for value in of.values()]).numpy() for of in (away, plain))
    square, product = row @ row + 1e-3, ours @ row
    assert product < 0
    best = minimize_scalar(lambda v: v * v * square / 2 + v * product, bounds=(0.5, 50), method="bounded")
    found = torch.cat([value.flatten() for value in repaired(away, plain).values()]).numpy()
    # the search is bounded, and ends within 1e-5 of its edge
    np.testing.assert_allclose(found, ours + best.x * row, atol=1e-4)
    assert found @ row > -2e-3 * abs(product)
    toward = {name: -value for name, value in away.items()}
    assert all(torch.equal(repaired(toward, plain)[name], value) for name, value in toward.items())


@pytest.mark.parametrize(
    ("defense", "known", "sentence"),
    [
        (DCS2(**OWN), {"batch_statistics": True}, "BatchNorm in train mode mixes them"),
        (DCS2(**OWN), {"batch_size": 1}, r"conceals 2 examples: data.batch_size=1 is fewer \(defense.sensitive=1\)"),
        (Stack([Clip(1.0), DCS2(**OWN)]), {}, "name it first in a stack"),
    ],
)
def test_what_it_cannot_serve_is_refused(defense, known, sentence) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        defense.wrap(PlainGradient(lambda *_: {}), local(**known))
    with pytest.raises(NotApplicable, match="no derivative is taken through it"):
        DCS2(**OWN).gaussian_std(local())


def test_sentences_have_no_pixels(parties) -> None:
    with pytest.raises(NotApplicable, match="DCS2 moves pixels, and the model reads sentences"):
        parties("attack=dlg_text", "data=sentences", "model=bert_tiny", "defense=dcs2")


@pytest.mark.parametrize(
    ("name", "value"),
    [("sensitive", 0), ("iterations", 0), ("lr", 0.0), ("separation", -1.0), ("outputs", -1.0), ("share", 1.1)],
)
def test_what_leaves_its_range_is_refused(name, value) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name}={value}")):
        DCS2(**OWN | {name: value})
