"""What is compared below a bottleneck, and what has none."""

import pytest
import torch

from bench.errors import NotApplicable
from bench.objectives.below_bottleneck import BelowBottleneck

SMALL = ("data.set=mnist", "data.size=6", "model.width=3", "threat=adaptive")
BEHIND = ("fc.precode.encoder.weight", "fc.precode.decoder.bias", "fc.weight", "fc.bias")


def test_the_bottleneck_and_its_layer_are_left_out_of_both_gradients() -> None:
    ours = {name: torch.zeros(2, 1) for name in (*BEHIND, "body.1.weight", "fcc.weight")}
    theirs = {name: torch.ones(2, 1) for name in reversed(ours)}
    found = BelowBottleneck()(ours, theirs)
    assert all(set(group) == {"body.1.weight", "fcc.weight"} for group in found)
    assert (found[0]["fcc.weight"] == 0).all() and (found[1]["fcc.weight"] == 1).all()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=clip",), "the model has none"),
        (("defense=precode", "threat=basic"), "needs to know the client's defences"),
        (("defense=precode", "model.shared=['fc.*']"), "nothing else is shared"),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    view = "attack.views=[{_target_: bench.objectives.below_bottleneck.BelowBottleneck}]"
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg", view, *SMALL, *overrides)


def test_plain_matching_may_leave_the_bottleneck_out_too(parties) -> None:
    view = "attack.views=[{_target_: bench.objectives.below_bottleneck.BelowBottleneck}]"
    built = parties("attack=dlg", view, *SMALL, "defense=precode")
    seen = built.client.share(built.data.deal([0]))
    left, _ = built.attack.views[0](seen.gradients, seen.gradients)
    assert set(left) == {name for name in seen.gradients if name.startswith("body.")}
