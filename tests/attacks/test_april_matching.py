"""Protects: the term on the positions is part of what is minimised, and what has no positions is refused."""

import pytest
import torch

from bench.config.compose import compose
from bench.errors import NotApplicable
from bench.running.components import build

SMALL = ["model=vit_tiny", "model.width=24", "model.heads=2", "model.feed_forward=32", "model.patch=4", "data.size=8",
         "model.layers=1"]  # fmt: skip
QUICK = ["logger=none", "engine.threads=1", "engine.compile=false", "engine.chunk=1", "metric=mse", "data.set=mnist"]


def cell(*overrides: str):
    return build(compose([*QUICK, *SMALL, *overrides]))


def test_the_angle_of_the_positions_is_minimised_with_the_rest() -> None:
    ends = {}
    for weight in (0.0, 3.0):
        built = cell("attack=april_matching", f"attack.objective.weight={weight}", "attack.evaluations=20")
        victims = built.data.deal([0])
        (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
        assert torch.equal(claim.labels, victims.labels)
        curve = claim.trace["curve"][0]
        first = curve[claim.trace["curve_at"][0] >= 0][0].item()
        assert claim.objective.item() < 0.2 * first
        ends[weight] = first
    assert ends[3.0] > ends[0.0] + 1e-3  # the term is in the objective of the start


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
