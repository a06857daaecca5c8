"""SME: it is Inverting Gradients where it has to be, sees no schedule, and gains where local steps are long."""

import pytest
import torch
from attacks.test_gradient_matching import run

from bench.errors import NotApplicable

TINY = ("data.set=mnist", "data.size=8", "model.width=3", "engine.dtype=float64", "engine.compile=false")
ONE_STEP = ("defense=local_steps", "defense.steps=1", "defense.lr=0.1")


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["basic", "labels_known"])
def test_one_local_step_and_alpha_fixed_at_zero_is_inverting_gradients(parties, labels: str) -> None:
    """The same path: objectives and images to rounding, after 8 steps in float64."""
    fixed = ("attack=sme", "attack.alpha=0", "attack.alpha_lr=0", "attack.evaluations=9")
    plain = ("attack=inverting_gradients_adam", "attack.evaluations=9")
    claims = []
    for words in (fixed, plain):
        built = parties(*words, *TINY, *ONE_STEP, f"threat={labels}", "engine.chunk=2")
        claims.append(run(built.attack, built.client.share(built.data.deal([0, 1]))))
    ours, theirs = claims
    torch.testing.assert_close(ours.objective, theirs.objective, rtol=1e-9, atol=1e-15)
    torch.testing.assert_close(ours.inputs, theirs.inputs, rtol=0, atol=1e-6)  # claims are float32
    assert torch.equal(ours.labels, theirs.labels)


@pytest.mark.slow
def test_a_gradient_has_no_second_model(parties) -> None:
    claims = []
    for name in ("sme", "inverting_gradients_adam"):
        built = parties(f"attack={name}", "attack.evaluations=5", *TINY, "engine.chunk=1")
        claims.append(run(built.attack, built.client.share(built.data.deal([0]))))
    assert torch.equal(claims[0].inputs, claims[1].inputs)


def test_alpha_moves_and_victims_do_not_depend_on_one_another(parties) -> None:
    words = ("attack=sme", "attack.evaluations=6", "attack.alpha_lr=0.05", *TINY, "defense=local_steps")
    several, single = parties(*words, "engine.chunk=3"), parties(*words, "engine.chunk=1")
    seen = several.client.share(several.data.deal(range(3)))
    last = []
    claim = several.attack._claim
    several.attack._claim = lambda finished, *rest: (
        last.extend(float(f.x[-1]) for f in finished) or claim(finished, *rest)
    )
    together, alone = run(several.attack, seen), run(single.attack, seen)
    torch.testing.assert_close(together.inputs, alone.inputs, rtol=1e-6, atol=1e-6)
    assert all(value != 0 for value in last)


def test_it_needs_no_schedule_and_refuses_one(parties) -> None:
    parties("attack=sme", *TINY, "defense=local_steps", "threat=basic")
    with pytest.raises(NotApplicable, match=r"replaces local steps by one model.*use threat=basic"):
        parties("attack=sme", *TINY, "defense=local_steps", "threat=training_details")


def test_settings_out_of_range_are_refused(parties) -> None:
    with pytest.raises(Exception, match="alpha_lr=-1"):
        parties("attack=sme", "attack.alpha_lr=-1")
    with pytest.raises(Exception, match=r"alpha=0.0: must lie in \(0, 1\)"):
        parties("attack=sme", "attack.alpha=0.0")
