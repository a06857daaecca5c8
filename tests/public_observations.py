"""Small observations with public images, made without a client: a net of two layers on images of 2 x 3 pixels."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from observations import CLASSES, SHAPE, net, observe
from torch import Tensor

from bench.defenses.base import ClientContext, Defense
from bench.defenses.example_form import ExampleForm
from bench.defenses.known_update import KnownUpdate
from bench.defenses.stack import Stack
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.messages.public_images import PublicImages

ENGINE = EngineSettings(None, None, None, "float32")
NO_DEFENSE = Stack([])


def observe_public(
    defense: Defense = NO_DEFENSE, public: int = 600, victims: int = 8
) -> tuple[Observation, Tensor, Tensor]:
    """An observation with public images, drawn as the private ones; the private images `[V, 1, 1, 2, 3]` and labels."""
    model = net()
    seen, images, labels = observe(model, victims=victims, batch_size=1, one_model=True)
    form = ExampleForm(SHAPE, CLASSES, by_token=False, refusal=None, soft=False)
    context = ClientContext(model, 1, "3.weight", False, False, True, form)
    update = KnownUpdate(defense, seen.task.gradient, context, [name for name, _ in model.named_parameters()])
    generator = torch.Generator().manual_seed(2)
    others = torch.rand(public, *SHAPE, generator=generator, dtype=torch.float64)
    their_labels = torch.randint(CLASSES, (public,), generator=generator)
    weights = {name: value[0] for name, value in seen.parameters.items()}
    shared = update(weights, {}, images, labels, torch.arange(victims), seed=99)
    granted = PublicImages(others, their_labels, update)
    return replace(seen, gradients=shared, public=granted), images, labels


def settings(**changes: Any) -> Mapping[str, Any]:
    """Arguments of `LearningToInvert` with which it is trained in less than a second."""
    small = {"images": None, "draws": 2, "bins": 64, "held_out": 0.1, "width": 32, "depth": 1, "epochs": 40}
    return {**small, "batch_size": 32, "lr": 1e-2, "engine": ENGINE, **changes}
