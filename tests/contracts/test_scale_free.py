"""What an attack with a line search finds does not depend on the unit of its objective.

Gradients of a network with PyTorch's own initialisation are a thousand times smaller than those of the papers' LeNet.
A first step, a tolerance or a threshold in the unit of the objective would then hide a leak that is there.
"""

import pytest
import torch
from omegaconf import DictConfig

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import import_target
from bench.running.components import Components, build

QUICK = ["data=samples", "logger=none", "engine.threads=1", "engine.compile=false", "metric=mse"]


def node(name: str) -> DictConfig:
    return compose([f"attack={name}"]).attack


def safeguarded(name: str) -> bool:
    """Whether a preset searches along lines over an objective that has a scale."""
    attack = node(name)
    step = attack.get("step", {}).get("_target_")
    return step is not None and import_target(step, "step").safeguarded and "scale" in attack.get("objective", {})


UNITS = (1.0, 2.0**-24)
SEARCHING = [name for name in options.entries("attack") if not name.startswith("_") and safeguarded(name)]
SERVED = {
    "fedavg": ["threat=training_details", "defense=local_epochs"],
    "dlg_int8": ["threat=adaptive", "defense=int8"],
    "dlg_latent": ["threat=adaptive", "defense=precode"],
    "dlg_concealed": ["threat=adaptive", "defense=dcs2"],
    "dlg_unmixed": ["threat=adaptive", "defense=mixup", "data.batch_size=2"],
    "dlg_decoded": ["threat=adaptive", "defense=instahide", "data.batch_size=2"],
    "dlg_untransformed": ["threat=adaptive", "defense=ats"],
    "gradinversion_lbfgs": ["data.batch_size=2", "attack.group.weight=0"],
    "april_matching": ["model=vit_tiny", "data.set=cifar10", "attack.evaluations=4"],
}


def images(built: Components) -> tuple[torch.Tensor, list[int]]:
    seen = built.client.share(built.data.deal([0, 1]))
    found = sorted(built.attack.reconstruct(seen, 0), key=lambda one: int(one.ids[0]))
    return torch.cat([one.inputs for one in found]), [int(one.evaluations[0]) for one in found]


@pytest.mark.parametrize("name", SEARCHING)
def test_the_unit_of_the_objective_changes_nothing(name: str) -> None:
    """A power of two changes no rounding, so the same images are expected to the bit."""
    small = [] if name == "april_matching" else ["data.set=mnist", "data.size=12", "attack.evaluations=20"]
    words = [*QUICK, f"attack={name}", "attack.priors=[]", *small, *SERVED.get(name, [])]
    (one, count), (other, evaluations) = (
        images(build(compose([*words, f"attack.objective.scale={unit}"]))) for unit in UNITS
    )
    assert (one - 0.5).abs().max() > 1e-3  # something was done
    assert evaluations == count and torch.equal(other, one)


def test_a_network_with_pytorchs_initialisation_gives_its_images_away() -> None:
    """The squared error begins at 5e-4 there, and at 30 with the weights of the papers."""
    words = [*QUICK, "attack=idlg", "data.set=mnist", "data.size=16", "model.init_range=null", "attack.evaluations=300"]
    built = build(compose(words))
    truth = built.data.deal([0, 1]).inputs
    assert (images(built)[0] - truth).square().mean((1, 2, 3, 4)).max() < 1e-4
