"""DLG in turn: one example of a batch moves per step, and batches come back as from DLG."""

from itertools import pairwise

import pytest
import torch

from bench.engine.adaptive import Adam
from bench.errors import NotApplicable

QUICK = ("engine.compile=false", "engine.chunk=1", "data.set=mnist", "data.size=8", "model.width=3")


@pytest.mark.slow
def test_a_batch_of_one_is_dlg(parties) -> None:
    found = []
    for name in ("dlg", "dlg_in_turn"):
        built = parties(f"attack={name}", "attack.evaluations=8", *QUICK)
        (claim,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
        found.append(claim)
    assert torch.equal(found[0].inputs, found[1].inputs) and torch.equal(found[0].objective, found[1].objective)


@pytest.mark.slow
def test_a_step_moves_one_image_of_the_batch_and_then_the_next(parties) -> None:
    ends = []
    for steps in range(4):
        built = parties("attack=dlg_in_turn", f"attack.stop.iterations={steps + 1}", "data.batch_size=3", *QUICK)
        (claim,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
        assert claim.iterations.item() == steps + 1
        ends.append(claim.inputs[0])
    changed = [(after != before).flatten(1).any(1).tolist() for before, after in pairwise(ends)]
    assert changed == [[False, True, False], [False, False, True], [True, False, False]]


def test_a_direction_that_examples_cannot_take_in_turn_is_refused(parties) -> None:
    built = parties("attack=dlg_in_turn", *QUICK)
    seen = built.client.share(built.data.deal([0]))
    built.attack.minimiser.direction = Adam([0.9, 0.999], 1e-8, False, 0.0)
    with pytest.raises(NotApplicable, match="takes the directions LBFGS and Gradient, and not Adam"):
        built.attack.check(seen)


@pytest.mark.slow
def test_a_batch_of_two_comes_back(parties) -> None:
    built = parties("attack=dlg_in_turn", "data.batch_size=2", "data.set=mnist", "data.size=16", "engine.compile=false")
    victims = built.data.deal([0])
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    errors = [
        (claim.inputs[0] - victims.inputs[0].flip(0) if turned else claim.inputs[0] - victims.inputs[0]).square().mean()
        for turned in (False, True)
    ]
    assert min(errors) < 1e-3
