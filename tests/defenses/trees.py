"""Gradients to try defences on."""

import torch

from bench.defenses.base import ClientContext, PlainGradient
from bench.defenses.example_form import ExampleForm
from bench.engine.rng import VictimRng


def tree(seed: int = 0) -> dict[str, torch.Tensor]:
    """Gradients of a small model: heavy tails, several shapes."""
    g = torch.Generator().manual_seed(seed)
    shapes = {"conv.weight": (6, 3, 5, 5), "conv.bias": (6,), "fc.weight": (10, 54), "fc.bias": (10,)}
    return {name: torch.randn(shape, generator=g) ** 3 for name, shape in shapes.items()}


def shapes(gradients: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in gradients.items()}


def local(**changes) -> ClientContext:
    facts = {
        "model": torch.nn.Linear(2, 2),
        "batch_size": 4,
        "last_linear": None,
        "batch_statistics": False,
        "frozen_statistics": False,
        "mappable": True,
        "examples": ExampleForm((1, 2, 2), 10, by_token=False, refusal=None, soft=False),
    }
    return ClientContext(**(facts | changes))


def protected(defense, gradients, *, seed: int = 0, state=None):
    """What a defence of gradients makes of them, and its state: the step around an undefended one that yields them."""
    step = defense.wrap(PlainGradient(lambda *_: gradients), local())
    noise = step.noise(shapes(gradients), 4, VictimRng((seed,)))
    return step(gradients, {}, None, None, noise, step.start(shapes(gradients)) if state is None else state)
