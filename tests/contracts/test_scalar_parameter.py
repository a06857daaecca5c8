"""A parameter may be a single number, such as a trained temperature: its gradients are `[V]`."""

from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from omegaconf import DictConfig
from torch import Tensor, nn

from bench.config import options
from bench.config.compose import compose
from bench.config.composing import composed_by_hydra
from bench.leakage import claims
from bench.messages.flat import flat
from bench.running.components import build

QUICK = ["logger=none", "engine.threads=1", "engine.compile=false", "metric=mse", "data.set=mnist", "data.size=8"]
OWN = ["model=custom", "model.target=contracts.test_scalar_parameter:Tempered"]
# adapters are shared in place of the single number
DEFENSES = [name for name in options.entries("defense") if name not in ("none", "stack", "lora")]
FEW = {"evaluations": 3, "iterations": 2, "starts": 2}


class Tempered(nn.Module):
    """A small network whose features are scaled by a trained number."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(shape[0] * shape[1] * shape[2], 6)
        self.last = nn.Linear(6, classes)
        self.temperature = nn.Parameter(torch.tensor(1.5))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(self.temperature * torch.sigmoid(self.first(images.flatten(1))))
        return logits


def compares_gradients(path: Path) -> bool:
    """Whether an attack is on images and compares gradients.

    Its file and those that it is based on are read: composing each attack takes seconds when tests are collected.
    """
    node = yaml.safe_load(path.read_text())
    bases = (path.with_name(f"{name}.yaml") for name in node.get("defaults", ()) if name != "_self_")
    return ("objective" in node or any(map(compares_gradients, bases))) and ".text." not in node.get("_target_", "")


# april_matching serves vision transformers only, and the others serve rows or series; here are images
APART = ("april_matching", "tableak", "tableak_published")
APART += ("tsinverse", "tsinverse_published", "inverting_gradients_series")
ATTACKS = [
    name for name, entry in options.entries("attack").items() if compares_gradients(entry.path) and name not in APART
]

# what these attacks must be granted, and what the client does
SERVED = {"dlg_int8": ("adaptive", "int8"), "fedavg": ("training_details", "local_epochs")}
SERVED |= {"dlg_latent": ("adaptive", "precode"), "dlg_concealed": ("adaptive", "dcs2")}
SERVED |= {"dlg_unmixed": ("adaptive", "mixup"), "dlg_decoded": ("adaptive", "instahide")}
SERVED |= {"dlg_untransformed": ("adaptive", "ats")}
MIXING = ("mixup", "instahide")  # they need two examples


@cache
def undefended() -> DictConfig:
    return compose([*QUICK, *OWN, "attack=noise", "data.batch_size=2"])


@pytest.mark.parametrize("name", DEFENSES)
def test_a_defence_shares_a_single_number_too(name: str) -> None:
    cfg = undefended().copy()
    cfg.defense = compose([f"defense={name}"]).defense
    built = build(cfg)
    seen = built.client.share(built.data.deal([0, 1]))
    assert seen.gradients["temperature"].shape == (2,)
    assert all(torch.isfinite(value).all() for value in seen.gradients.values())


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_compares_a_single_number_too(name: str) -> None:
    threat, defense = SERVED.get(name, ("labels_known", "none"))
    words = [*QUICK, *OWN, f"attack={name}", f"threat={threat}", f"defense={defense}"]
    words += ["data.batch_size=2"] if defense in MIXING else []
    words += ["attack.statistics=null"] if "gradinv" in name else []  # the network has no BatchNorm
    given = composed_by_hydra(words, None).attack
    built = build(compose([*words, *(f"attack.{key}={value}" for key, value in FEW.items() if key in given)]))
    (guess,) = claims(built.attack, built.client.share(built.data.deal([0])), 0)
    assert torch.isfinite(guess.inputs).all()


def test_flat_keeps_the_order_of_the_entries() -> None:
    value = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(flat(value), value.flatten(1)) and torch.equal(flat(value[0, :, 0]), value[0, :, :1])
    assert flat(torch.zeros(0, 3)).shape == (0, 3)
