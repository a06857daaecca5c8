"""Protects: the term on the positions is part of what is minimised, and what has no positions is refused."""

import pytest
import torch

from bench.config.compose import compose
from bench.errors import NotApplicable
from bench.running.components import build

SMALL = ["model=vit_tiny", "model.width=24", "model.heads=2", "model.feed_forward=32", "model.patch=4", "data.size=8"]
QUICK = ["logger=none", "engine.threads=1", "engine.compile=false", "metric=mse", "data.set=mnist"]


def cell(*overrides: str):
    return build(compose([*QUICK, *SMALL, *overrides]))


def objectives(weight: float) -> tuple[float, float]:
    """The attacker's objective at another image than the victim's, and what it gains from the first steps."""
    built = cell("attack=april_matching", f"attack.objective.weight={weight}", "attack.evaluations=1")
    (start,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
    longer = cell("attack=april_matching", f"attack.objective.weight={weight}", "attack.evaluations=80")
    (end,) = longer.attack.reconstruct(longer.client.share(longer.data.deal([0])), 0)
    return start.objective.item(), end.objective.item()


def test_the_angle_of_the_positions_is_minimised_with_the_rest() -> None:
    without, with_it = objectives(0.0), objectives(3.0)
    assert with_it[0] > without[0] + 1e-3  # the term is in the objective of the start
    assert with_it[1] < 0.1 * with_it[0]


def test_it_finds_the_image_of_a_small_transformer_with_norms_and_skips() -> None:
    built = cell("attack=april_matching", "attack.evaluations=300")
    victims = built.data.deal([0])
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert torch.equal(claim.labels, victims.labels)
    assert (claim.inputs - victims.inputs).square().mean() < 0.2 * victims.inputs.var()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.shared=['fc.*','layers.*']"], "needs the gradient of the learned positions"),
        (["attack.views=[{_target_: bench.objectives.layers.Layers, ignore: auto}]"], "takes no transforms"),
    ],
)
def test_refusals(overrides, sentence) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        cell("attack=april_matching", *overrides)


def test_a_model_without_positions_is_refused() -> None:
    with pytest.raises(NotApplicable, match="needs a vision transformer with learned positions"):
        build(compose([*QUICK, "model=lenet", "attack=april_matching"]))
