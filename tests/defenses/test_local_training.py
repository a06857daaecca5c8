"""Ways of local training: plain SGD on whatever examples a way takes, and a local batch size that has to divide."""

from dataclasses import dataclass

import pytest
import torch
from defenses.trees import local

from bench.defenses.base import PlainGradient
from bench.defenses.local_epochs import LocalEpochs
from bench.defenses.local_steps import LocalSteps
from bench.defenses.local_training import LocalTraining
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable


@dataclass(frozen=True)
class Backwards(LocalTraining):
    """One example per step, the last one first."""

    lr: float
    batch_size: int | None
    momentum: float
    stream = "backwards"

    def steps_on(self, examples):
        return examples

    def batches(self, inputs, labels, orders):
        for i in reversed(range(len(labels))):
            yield inputs[i : i + 1], labels[i : i + 1]


def test_it_is_plain_sgd_on_what_the_way_takes() -> None:
    part = Backwards(0.5, 1, 0.0)
    step = part.wrap(PlainGradient(lambda p, b, x, y: {"w": (p["w"] - x * y).mean(0)}), local(batch_size=3))
    x, y = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[1.0], [3.0], [2.0]])
    noise = step.noise({"w": (1,)}, 3, VictimRng((0,)))
    shared, _ = step({"w": torch.zeros(1)}, {}, x, y, noise, step.start({"w": (1,)}))
    weight = 0.0
    for product in (8.0, 6.0, 1.0):
        weight -= 0.5 * (weight - product)
    assert shared["w"].item() == -weight
    assert part.unit(local(batch_size=3)) == 1.5


def products(p, b, x, y):
    """The gradient of a sum of squares."""
    return {"w": (x * (x * p["w"] - y)).mean(0)}


@pytest.mark.parametrize("part", [LocalSteps(6, 0.1, 2, 0.9), LocalEpochs(3, 0.1, 2, None, 0.9)])
def test_momentum_is_that_of_torch(part) -> None:
    x, y = torch.tensor([[1.0], [2.0], [4.0], [-1.0]]), torch.tensor([[1.0], [3.0], [2.0], [0.5]])
    step = part.wrap(PlainGradient(products), local(batch_size=4))
    noise = step.noise({"w": (1,)}, 4, VictimRng((0,)))
    shared, _ = step({"w": torch.ones(1)}, {}, x, y, noise, step.start({"w": (1,)}))
    weight = torch.ones(1, requires_grad=True)
    optimiser = torch.optim.SGD([weight], 0.1, momentum=0.9)
    for i in range(6):
        taken = slice(i % 2 * 2, i % 2 * 2 + 2)
        weight.grad = products({"w": weight.detach()}, {}, x[taken], y[taken])["w"]
        optimiser.step()
    torch.testing.assert_close(shared["w"], 1 - weight.detach())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_unit_makes_a_gradient_of_the_update_of_constant_gradients(momentum) -> None:
    part, constant = LocalSteps(5, 0.1, None, momentum), torch.tensor([3.0])
    step = part.wrap(PlainGradient(lambda *_: {"w": constant}), local(batch_size=4))
    noise = step.noise({"w": (1,)}, 4, VictimRng((0,)))
    shared, _ = step({"w": torch.ones(1)}, {}, torch.ones(4, 1), torch.ones(4, 1), noise, step.start({"w": (1,)}))
    torch.testing.assert_close(shared["w"] / part.unit(local(batch_size=4)), constant)


@pytest.mark.parametrize("part", [LocalSteps(4, 0.1, 3, 0.0), LocalEpochs(2, 0.1, 3, 0, 0.0)])
def test_a_local_batch_size_has_to_divide_the_batch(part) -> None:
    with pytest.raises(
        NotApplicable, match=f"defense {type(part).__name__} takes 3 examples per step: .*=4 is no mult"
    ):
        part.wrap(PlainGradient(lambda *_: {}), local(batch_size=4))
    assert part.context_for_inner(local(batch_size=6)).batch_size == 3


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"lr": float("nan")}, {"batch_size": 0}, {"momentum": 1.0}])
def test_numbers_out_of_range_are_refused(wrong) -> None:
    given = {"lr": 0.1, "batch_size": None, "momentum": 0.0} | wrong
    for make in (lambda: LocalSteps(1, **given), lambda: LocalEpochs(1, seed=0, **given)):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            make()
