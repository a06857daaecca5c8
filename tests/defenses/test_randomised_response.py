"""Randomised response: the probabilities that its guarantee rests on, and that what is shared has the drawn label."""

import math

import pytest
import torch
from defenses.batches import FORM, around, computed_on
from scipy import stats

from bench.defenses.base import PlainGradient, rng_of
from bench.defenses.label_smoothing import LabelSmoothing
from bench.defenses.local_steps import LocalSteps
from bench.defenses.mixup import Mixup
from bench.defenses.randomised_response import RandomisedResponse, kept
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable

SMALL = ("attack=noise", "data.set=mnist", "data.size=6", "model.width=3")


def outcomes(epsilon: float, label: int, count: int = 20_000) -> torch.Tensor:
    """How often each of ten classes came out of this many draws of one label."""
    part = RandomisedResponse(epsilon, 0)
    noise = part.draw(count, FORM, VictimRng(("test", label)))
    _, found = part.change_examples(torch.zeros(count, 1), torch.full((count,), label), noise, FORM)
    return found.bincount(minlength=10)


@pytest.mark.parametrize(("epsilon", "label"), [(0.0, 3), (2.0, 0), (2.0, 9), (5.0, 4)])
def test_labels_come_out_with_the_probabilities_of_the_mechanism(epsilon: float, label: int) -> None:
    """A chi-squared test of one fixed seed each; a wrong formula is refused at any level."""
    stays = math.exp(epsilon) / (math.exp(epsilon) + 9)
    wanted = [20_000 * (stays if c == label else (1 - stays) / 9) for c in range(10)]
    assert stats.chisquare(outcomes(epsilon, label).tolist(), wanted).pvalue > 1e-3


@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("epsilon", [0.0, 1.0, 3.0])
def test_no_label_is_more_than_e_to_the_epsilon_times_as_likely_under_one_truth_as_under_another(
    epsilon: float, classes: int
) -> None:
    stays = kept(epsilon, classes)
    other = (1 - stays) / (classes - 1)
    assert stays / other == pytest.approx(math.exp(epsilon)) and stays >= other - 1e-12


def test_the_label_that_the_last_bias_gives_away_is_the_drawn_one(parties) -> None:
    """The sign of the bias's gradient is exact for one example, so it reads what the step was computed with."""
    built = parties(*SMALL, "defense=randomised_response", "attack=idlg", "labels=bias")
    victims = built.data.deal(range(24))
    read = built.client.share(victims).gradients["fc.bias"].argmin(1)
    part = built.client.defense
    moved = [int(part.draw(1, FORM, rng_of(part, 0, VictimRng((built.client.seed, "defense", v))))) for v in range(24)]
    assert read.tolist() == ((victims.labels[:, 0] + torch.tensor(moved)) % 10).tolist()
    stayed = sum(by == 0 for by in moved)
    assert stats.binomtest(stayed, 24, kept(2.0, 10)).pvalue > 1e-3 and 0 < stayed < 24


def test_each_local_step_draws_anew_and_a_draw_around_them_holds_for_all() -> None:
    inside = computed_on(Stack([RandomisedResponse(1.0, 0), LocalSteps(2, 0.1, None, 0.0)]), 16)
    outside = computed_on(Stack([LocalSteps(2, 0.1, None, 0.0), RandomisedResponse(1.0, 0)]), 16)
    assert not torch.equal(inside[0][1], inside[1][1]) and torch.equal(outside[0][1], outside[1][1])


def test_a_row_says_what_is_guaranteed_and_claims_no_epsilon_for_images(parties) -> None:
    built = parties(*SMALL, "defense=randomised_response", "defense.epsilon=3")
    facts = built.client.facts_of_defense(built.data.deal([0]))
    (part,) = facts["parts"]
    assert part["kept"] == pytest.approx(math.exp(3) / (math.exp(3) + 9)) and facts["epsilon"] is None
    (note,) = facts["notes"]
    assert "epsilon 3 each time they are drawn" in note and note.endswith("inputs are not")


@pytest.mark.parametrize("outer", [LabelSmoothing(0.1), Mixup(1.0, 0)])
def test_it_comes_before_what_makes_labels_soft(outer) -> None:
    """Else a label that stays would differ in its form from one that does not."""
    plain, response = PlainGradient(lambda *_: {}), RandomisedResponse(2.0, 0)
    with pytest.raises(NotApplicable, match="name it after that part") as caught:
        Stack([response, outer]).wrap(plain, around(4))
    assert "\n" not in str(caught.value)
    Stack([outer, response]).wrap(plain, around(4))


@pytest.mark.parametrize("epsilon", [-1.0, math.inf, math.nan])
def test_an_epsilon_out_of_range_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="must be >= 0"):
        RandomisedResponse(epsilon, 0)
