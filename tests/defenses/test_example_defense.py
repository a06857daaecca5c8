"""What all defences of examples have in common: where in a stack they act, on what, and what they leave as it is."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from defenses.batches import around, batch, computed_on
from torch.nn.functional import nll_loss, one_hot

from bench.defenses.base import PlainGradient
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.encoding import undefended
from bench.defenses.example_defense import ExampleDefense
from bench.defenses.local_steps import LocalSteps
from bench.defenses.pruning import Pruning
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable


@dataclass(frozen=True)
class Darker(ExampleDefense):
    """Takes a random number per example from its pixels and its label, and multiplies both by a factor."""

    factor: float
    makes_soft: bool
    of_images: ClassVar[bool] = True
    level = "sample"

    @property
    def soft(self):
        return self.makes_soft

    def draw(self, batch_size, form, stream):
        return stream.uniform({"by": (batch_size,)})["by"]

    def change_examples(self, inputs, labels, noise, form):
        return self.factor * inputs - noise[:, None, None, None], labels


def of_indices(logits, targets):
    """A cross entropy of class indices alone."""
    return nll_loss(logits.log_softmax(1), targets)


def drawn(defense, size=4, seed=0):
    """What was taken from each example, where nothing else is done to it."""
    return [batch(size)[0].mean((1, 2, 3))[: len(x)] - x.mean((1, 2, 3)) for x, _ in computed_on(defense, size, seed)]


def test_the_step_is_computed_on_what_it_makes_of_a_batch_and_labels_become_probabilities_if_it_says_so() -> None:
    inputs, labels = batch(4)
    (found, hard), (_, soft) = (computed_on(Darker(1.0, makes), 4)[0] for makes in (False, True))
    taken = inputs - found
    assert float(taken.std((1, 2, 3)).max()) < 1e-6 < float(taken.std())  # a number of each example's own
    assert torch.equal(hard, labels) and torch.equal(soft, one_hot(labels, 10).float())


def test_of_two_the_later_one_changes_first_and_each_draws_for_its_own_place() -> None:
    inputs, _ = batch(4)
    ((found, _),) = computed_on(Stack([Darker(0.5, False), Darker(1.0, False)]), 4)
    inner, outer = (VictimRng((0, place, 0)).uniform({"by": (4,)})["by"].view(4, 1, 1, 1) for place in (0, 1))
    torch.testing.assert_close(found, 0.5 * (inputs - outer) - inner)
    assert (inner - outer).abs().min() > 1e-3


def test_numbers_are_new_in_each_local_step_and_drawn_once_around_them() -> None:
    inside, outside = (
        Stack([Darker(1.0, False), LocalSteps(2, 0.1, None, 0.0)]),
        Stack([LocalSteps(2, 0.1, None, 0.0), Darker(1.0, False)]),
    )
    one, two = drawn(inside)
    assert (one - two).abs().max() > 1e-2
    one, two = drawn(outside)
    assert torch.equal(one, two)
    assert all(torch.equal(a, b) for a, b in zip(drawn(inside), drawn(inside), strict=True))
    assert not torch.equal(drawn(inside)[0], drawn(inside, seed=1)[0])


def test_within_dp_sgd_it_is_given_one_example_and_around_it_the_batch() -> None:
    sizes = []

    @dataclass(frozen=True)
    class Watching(Darker):
        def draw(self, batch_size, form, stream):
            sizes.append(batch_size)
            return super().draw(batch_size, form, stream)

    private = DPSGD(1e9, 0.0, 1e-5, 0)
    for parts, wanted in (([Watching(1.0, True), private], [1] * 4), ([private, Watching(1.0, True)], [4])):
        sizes.clear()
        computed_on(Stack(parts), 4)
        assert sizes == wanted


def test_what_is_sent_and_a_guarantee_for_each_sample_stay_what_they_were() -> None:
    part, sent = Darker(1.0, False), Pruning(0.5, "tensor").encode(undefended({"w": (100,)}))
    assert part.encode(sent) is sent
    private = DPSGD(1.0, 1.0, 1e-5, 0).privacy(None)
    assert part.privacy(private) is private and part.privacy(None) is None


def test_parts_within_one_that_makes_labels_soft_are_told_so() -> None:
    known = around(4)
    assert not Darker(1.0, False).context_for_inner(known).examples.soft
    soft = Darker(1.0, True).context_for_inner(known)
    assert soft.examples.soft and Darker(1.0, False).context_for_inner(soft).examples.soft


@pytest.mark.parametrize(
    ("makes_soft", "changes", "says"),
    [
        (True, {"refusal": "the loss takes class indices"}, "makes labels probabilities, and the loss takes class"),
        (False, {"by_token": True}, "a language model has one for each token"),
    ],
)
def test_a_loss_or_labels_that_it_cannot_serve_are_one_clear_line(makes_soft: bool, changes: dict, says: str) -> None:
    plain = PlainGradient(lambda *_: {})
    with pytest.raises(NotApplicable, match=says) as caught:
        Darker(1.0, makes_soft).wrap(plain, around(4, **changes))
    assert "\n" not in str(caught.value)
    Darker(1.0, False).wrap(plain, around(4, refusal="the loss takes class indices"))


def test_the_clients_own_loss_decides_whether_labels_may_be_probabilities(parties) -> None:
    own = "model.loss=defenses.test_example_defense:of_indices"
    small = ("attack=noise", "data.set=mnist", "data.size=6", "model.width=3", own)
    parties(*small, "defense=randomised_response")
    with pytest.raises(NotApplicable, match="LabelSmoothing makes labels probabilities, and the loss"):
        parties(*small, "defense=label_smoothing")
