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
    stream = "backwards"

    def steps_on(self, examples):
        return examples

    def batches(self, inputs, labels, orders):
        for i in reversed(range(len(labels))):
            yield inputs[i : i + 1], labels[i : i + 1]


def test_it_is_plain_sgd_on_what_the_way_takes() -> None:
    part = Backwards(0.5, 1)
    step = part.wrap(PlainGradient(lambda p, b, x, y: {"w": (p["w"] - x * y).mean(0)}), local(batch_size=3))
    x, y = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[1.0], [3.0], [2.0]])
    noise = step.noise({"w": (1,)}, 3, VictimRng((0,)))
    shared, _ = step({"w": torch.zeros(1)}, {}, x, y, noise, step.start({"w": (1,)}))
    weight = 0.0
    for product in (8.0, 6.0, 1.0):
        weight -= 0.5 * (weight - product)
    assert shared["w"].item() == -weight
    assert part.unit(local(batch_size=3)) == 1.5


@pytest.mark.parametrize("part", [LocalSteps(4, 0.1, 3), LocalEpochs(2, 0.1, 3, 0)])
def test_a_local_batch_size_has_to_divide_the_batch(part) -> None:
    with pytest.raises(
        NotApplicable, match=f"defense {type(part).__name__} takes 3 examples per step: .*=4 is no mult"
    ):
        part.wrap(PlainGradient(lambda *_: {}), local(batch_size=4))
    assert part.context_for_inner(local(batch_size=6)).batch_size == 3


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"lr": float("nan")}, {"batch_size": 0}])
def test_numbers_out_of_range_are_refused(wrong) -> None:
    given = {"lr": 0.1, "batch_size": None} | wrong
    for make in (lambda: LocalSteps(1, **given), lambda: LocalEpochs(1, seed=0, **given)):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            make()
