"""The protocol of defences: where random numbers come from, what a state does, and what a defence says of itself."""

from dataclasses import dataclass

import torch
from defenses.trees import local

from bench.defenses.base import GradientDefense, PlainGradient, rng_of
from bench.defenses.encoding import Encoding, undefended
from bench.defenses.privacy import Privacy
from bench.engine.rng import VictimRng


@dataclass(frozen=True)
class Counting(GradientDefense):
    """Adds its noise and the number of earlier calls."""

    scale: float
    seed: int

    def draw(self, shapes, stream):
        return stream.normal(shapes)

    def start(self, shapes):
        return torch.zeros(())

    def protect(self, gradients, noise, state):
        return {name: value + self.scale * noise[name] + state for name, value in gradients.items()}, state + 1


@dataclass(frozen=True)
class Doubling(GradientDefense):
    def protect(self, gradients, noise, state):
        assert noise == () and state == ()
        return {name: 2 * value for name, value in gradients.items()}, state


ZEROS, SHAPES = {"w": torch.zeros(3)}, {"w": (3,)}


def test_parts_act_in_order_with_numbers_of_their_place_and_seed_and_states_of_their_own() -> None:
    """Doubled after the first part and before the second: 2 (a n0 + k) + b n2 + k at call k."""
    first, last = Counting(1.0, 3), Counting(10.0, 4)
    step = PlainGradient(lambda *_: ZEROS)
    for part in (first, Doubling(), last):
        step = part.wrap(step, local())
    assert step.depth == 3
    stream = VictimRng((0, "defense", 9))
    noise, state = step.noise(SHAPES, 4, stream), step.start(SHAPES)
    a, b = (stream.child(place, seed).normal(SHAPES)["w"] for place, seed in ((0, 3), (2, 4)))
    for call in range(3):
        shared, state = step(ZEROS, {}, None, None, noise, state)
        torch.testing.assert_close(shared["w"], 2 * (a + call) + 10 * b + call)


def test_a_part_without_a_seed_has_the_numbers_of_seed_zero() -> None:
    stream = VictimRng((1,))
    assert rng_of(Doubling(), 2, stream) == stream.child(2, 0) != rng_of(Counting(1.0, 5), 2, stream)


def test_the_undefended_gradient_draws_nothing_and_keeps_any_state() -> None:
    seen = []

    def gradient(*arguments):
        seen.append(arguments)
        return ZEROS

    step = PlainGradient(gradient)
    assert step.noise(SHAPES, 4, VictimRng((0,))) == step.start(SHAPES) == () and step.depth == 0
    assert step(1, 2, 3, 4, (), "state") == (ZEROS, "state") and seen == [(1, 2, 3, 4)]


def test_a_defence_says_its_class_level_and_parameters_and_changes_no_guarantee() -> None:
    part = Counting(0.5, 7)
    assert part.facts(local()) == {"defense": "Counting", "level": "gradient", "scale": 0.5, "seed": 7}
    assert part.flat(context := local()) == [(part, context)]
    assert part.privacy(known := Privacy(1.0, 1e-5)) is known and part.notes(context) == [] and part.must_change
    pruned = Encoding({"w": 10}, {"w": 3}, 8, 1)
    assert part.encode(pruned) == undefended({"w": (10,)})  # unless it says otherwise, it fills zeros and grids
