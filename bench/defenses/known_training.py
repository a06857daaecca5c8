"""The training step as an attacker computes it for inputs of its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor

from bench.defenses.base import ClientContext, Defense, Gradient, PlainGradient, Tree
from bench.defenses.local_epochs import EpochInputs, LocalEpochs
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.models.shared import parted


@dataclass(frozen=True, eq=False)
class KnownTraining:
    """What an attacker can compute; the fields are those of `bench.messages.task.Task`."""

    gradient: Gradient
    epochs: int | None
    by_epoch: Gradient | None


def known_training(
    defense: Defense,
    local: ClientContext,
    gradient: Gradient,
    names: Collection[str],
    granted: bool,
    defense_known: bool,
) -> KnownTraining:
    """Returns the attacker's own gradient, through the same local steps and clients if their schedule is granted.

    If the defence is granted, it goes through the parts that anybody can compute (`Defense.computable`) as well.

    Without the grant it is one gradient of the whole batch. What a client shares after several local steps is then
    matched as if it were one gradient, of unknown length (see `Task.unit`).

    Args:
        defense: the client's defence.
        local: the client's context.
        gradient: of the loss by the trained parameters.
        names: the trained parameters.
        granted: whether the schedule of the local training is granted.
        defense_known: whether the defence is granted.
    """
    every = [part for part, _ in defense.flat(local)]
    parts = [one.as_known() for one in every if (granted and one.schedule) or (defense_known and one.computable)]
    epochs = [part.epochs for part in parts if isinstance(part, LocalEpochs)]

    def through(chosen: list[Defense]) -> Gradient:
        step = Stack(chosen).wrap(PlainGradient(gradient), local)

        def own(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            mine, constants = parted(parameters, buffers, names)
            shapes = {name: tuple(value.shape) for name, value in mine.items()}
            noise = step.noise(shapes, len(inputs), VictimRng(()))
            return step(mine, constants, inputs, targets, noise, ())[0]

        return own

    if len(epochs) != 1:  # of local epochs within local epochs an example has no input of its own
        return KnownTraining(through(parts), None, None)
    apart = [EpochInputs.of(part) if isinstance(part, LocalEpochs) else part for part in parts]
    return KnownTraining(through(parts), epochs[0], through(apart))
