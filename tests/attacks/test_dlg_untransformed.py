"""Through ATS: the transformations of what the matching finds are undone."""

import pytest
import torch
from attacks.test_adaptive import errors
from attacks.test_gradient_matching import run

from bench.errors import NotApplicable

# 6x6 keeps these at about a second each; 28x28 is in the slow tier
SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")
KNOWN = ("threat=adaptive", "defense=ats")
BRIGHTER = "defense.policies=[[{brightness: 0.3}]]"


def test_a_change_of_brightness_is_undone(parties) -> None:
    words = (*KNOWN, *SMALL, BRIGHTER, "attack.evaluations=60")
    assert max(errors(parties, "attack=dlg_untransformed", *words)) < 5e-3
    assert max(errors(parties, "attack=idlg", *words)) > 5e-3


@pytest.mark.slow
def test_whole_digits_are_nearer_than_the_transformed_ones(parties) -> None:
    """Six digits; seen: a mean of 0.076, and of 0.129 for iDLG, each digit nearer than there."""
    found = {}
    for name in ("dlg_untransformed", "idlg"):
        built = parties(f"attack={name}", *KNOWN, "data.set=mnist")
        truth = built.data.deal(range(6))
        claim = run(built.attack, built.client.share(truth))
        found[name] = (claim.inputs.clamp(0, 1) - truth.inputs).square().flatten(1).mean(1)
    assert (found["dlg_untransformed"] < found["idlg"]).all()
    assert found["dlg_untransformed"].mean() < 0.7 * found["idlg"].mean()


def test_the_claim_explains_what_was_shared(parties) -> None:
    """The image is found with an error of 5e-3, so its gradient is nearly that of the transformed one."""
    words = (*KNOWN, *SMALL, BRIGHTER, "attack.evaluations=60", "attack.undoing.error=1e-4")
    built = parties("attack=dlg_untransformed", *words)
    seen = built.client.share(built.data.deal([0]))
    (found,) = built.attack.reconstruct(seen, 0)
    unknowns = {name: value[0] for name, value in found.unknowns.items()}
    assert unknowns["policy"].shape == (1,) and unknowns["negative"].shape == (1, 1)
    held = {name: value[0] for name, value in seen.parameters.items()}
    own = built.attack.explained(seen, unknowns)(held, {}, found.inputs[0], found.labels[0])
    plain = seen.task.gradient(held, {}, found.inputs[0], found.labels[0])
    error, other = (
        torch.stack([(gradient[name] - value[0]).square().sum() for name, value in seen.gradients.items()]).sum()
        for gradient in (own, plain)
    )
    assert error < 0.05 * other


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("threat=adaptive", "defense=clip"), "needs a client that transforms the images of one step"),
        (("defense=ats",), "needs to know the client's defences"),
        (("threat=adaptive", "defense=stack", "defense.parts=[mixup,ats]", "data.batch_size=2"), "in no other way"),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg_untransformed", *SMALL, *overrides)
