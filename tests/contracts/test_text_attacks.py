"""Every attack on sentences in configs/attack, found by itself: victims do not meet, and the truth is out of reach."""

import pytest
import torch
from attacks.test_gradient_matching import run
from omegaconf import OmegaConf
from sentence_cells import parties

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import import_target
from bench.errors import NotApplicable
from bench.messages.victims import Victims


def of_sentences(entry) -> bool:
    cfg = OmegaConf.load(entry.path)
    if "_target_" not in cfg:  # a variant of another preset
        return any(of_sentences(options.entries("attack")[name]) for name in cfg.get("defaults", []) if name in NAMES)
    return bool(import_target(cfg._target_, "attack").of_sentences)


NAMES = set(options.entries("attack"))
ATTACKS = [name for name, entry in options.entries("attack").items() if of_sentences(entry)]
THREATS = ("embedding_frozen", "basic", "surrogate", "labels_known")  # the first that grants what it needs


def cell(name: str, *overrides: str):
    """A cell of few steps; `overrides` go last."""
    preset = compose([f"attack={name}", "data=sentences"]).attack
    steps = [f"attack.{key}=8" for key in ("iterations", "evaluations") if key in preset]
    steps.append("model.layers=2")  # one that looks at the second attention layer needs it
    for threat in THREATS:
        try:
            return parties(f"attack={name}", f"threat={threat}", *steps, *overrides)
        except NotApplicable as error:
            last = error
    raise last


QUICK = ("tag", "lamp")


def test_the_known_ones_are_found() -> None:
    assert {"dlg_text", "tag"} <= set(ATTACKS) and not {"dlg", "noise", "_matching"} & set(ATTACKS)


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        # presets of one attack differ in settings only
        *(pytest.param(name, 1, marks=[] if name in QUICK else pytest.mark.slow) for name in ATTACKS),
        *(pytest.param(name, 2, marks=pytest.mark.slow) for name in ATTACKS),
    ],
)
def test_victims_at_once_equal_one_by_one(name: str, batch_size: int) -> None:
    """Float64, eager, a few steps: paths differ by rounding, which 1e-6 is far above; tokens are the same."""
    settings = ("engine.dtype=float64", f"data.batch_size={batch_size}")
    several, single = cell(name, *settings, "engine.chunk=2"), cell(name, *settings, "engine.chunk=1")
    seen = several.client.share(several.data.deal(range(3)))
    together, alone = run(several.attack, seen), run(single.attack, seen)
    assert torch.equal(together.inputs, alone.inputs)
    assert torch.equal(together.labels, alone.labels)
    assert torch.equal(together.evaluations, alone.evaluations)
    torch.testing.assert_close(together.objective, alone.objective, rtol=1e-6, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_truth_is_not_in_reach(name: str) -> None:
    """Overwriting the victims between share and reconstruct changes nothing, bit for bit."""
    built = cell(name)
    claims = []
    for erase in (False, True):
        victims = built.data.deal([0, 1, 2])
        seen = built.client.share(victims)
        if erase:
            victims.inputs.fill_(0)
            victims.labels.fill_(0)
            victims.samples.fill_(0)
            victims.mask.fill_(True)
        claims.append(run(built.attack, seen))
    assert torch.equal(claims[0].inputs, claims[1].inputs)
    assert torch.equal(claims[0].labels, claims[1].labels)
    assert not any(isinstance(value, Victims) for value in vars(built.attack).values())
