"""What a client would share of other batches, as an attacker computes it who knows the client's defences."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.defenses.base import ClientContext, Defense, Gradient, Tree
from bench.defenses.step_runner import StepRunner
from bench.engine.rng import seed_of
from bench.messages.public_images import PublicImages
from bench.messages.victims import Victims
from bench.models.shared import parted
from bench.threat import Threat

_AT_ONCE = 32  # batches that are mapped together, which bounds the memory; results depend on it by rounding


@dataclass(frozen=True, eq=False)
class KnownUpdate:
    """The client's step under its own defences; see `bench.messages.public_images.UpdateFunction`.

    The random numbers of the defences are drawn as a client draws them, from a seed of the attacker's. They are
    independent of those of every victim, whatever the seed, because they have a purpose of their own.

    Args:
        defense: the client's defences.
        gradient: of the loss by the trained parameters.
        context: what the client knows of its step.
        names: the trained parameters.
    """

    defense: Defense
    gradient: Gradient
    context: ClientContext
    names: Collection[str]

    def __call__(self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, ids: Tensor, seed: int) -> Tree:
        """Returns what N clients of one model would share, `{name: [N, ...]}`.

        Args:
            parameters: see `UpdateFunction`.
            buffers: see `UpdateFunction`.
            inputs: see `UpdateFunction`.
            labels: see `UpdateFunction`.
            ids: see `UpdateFunction`.
            seed: see `UpdateFunction`.
        """
        batches = Victims(inputs, labels, ids, samples=torch.zeros_like(labels), repeats=torch.zeros_like(ids))
        return self.of(parameters, buffers, batches, seed)

    def of(self, parameters: Tree, buffers: Tree, batches: Victims, seed: int) -> Tree:
        """The same of N batches as a message, which may be of sentences.

        Args:
            parameters: see `UpdateFunction`.
            buffers: see `UpdateFunction`.
            batches: N of them.
            seed: see `UpdateFunction`.
        """
        runner = StepRunner(self.defense, self.gradient, self.context, seed_of(seed, "known update"), _AT_ONCE)
        mine, constants = (
            {name: value.expand(len(batches), *value.shape) for name, value in tree.items()}
            for tree in parted(parameters, buffers, self.names)
        )
        return {name: value.detach() for name, value in runner(runner.step, mine, constants, batches).items()}


def granted_images(found: tuple[Tensor, Tensor] | None, threat: Threat, step: KnownUpdate) -> PublicImages | None:
    """The public images as a threat model grants them; None if it grants none, or if there are none.

    Args:
        found: images `[P, C, H, W]` of which none is a victim's, and their labels `[P]`.
        threat: without the client's defences and its local training, what it would share of the images is not granted.
        step: what a client would share of other batches.
    """
    if found is None or not threat.most_public_images:
        return None
    return PublicImages(*found, step if threat.defense_known and threat.local_training else None)
