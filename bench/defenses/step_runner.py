"""Runs a client's step for many victims: mapped over them if that is possible, else one by one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from bench.defenses.base import ClientContext, ClientStep, Defense, Gradient, PlainGradient, Tree
from bench.defenses.mapping import each, stacked
from bench.engine.rng import Shapes, VictimRng
from bench.errors import UserError, in_short
from bench.host.out_of_memory import lacks_memory
from bench.messages.victims import Victims
from bench.models.text.base import pack

# Number of gradients computed together, which bounds the memory of activations. On a processor it is 1, because the
# rounding of a victim's entries must not depend on the other victims of this process.
_VICTIMS_AT_ONCE, _VICTIMS_AT_ONCE_CPU = 64, 1
_RANDOM = "called random operation"  # part of vmap's error message if random numbers are drawn inside it
_TIMED, _LONG = 3, 0.5  # number of calls whose median is the time, and seconds from which one call is enough


class StepRunner:
    """Runs the steps of a client.

    Args:
        defense: what is done before anything is shared.
        gradient: of the loss by the trained parameters.
        context: what the client knows of its step.
        seed: of the defence's random numbers.
        at_once: victims whose steps are mapped together; None for a number that suits the device.

    Attributes:
        step: what the client computes: the gradient under the defence.
        context: as given; no longer mappable once a step could not be mapped.
        mappable: whether steps are mapped over victims.
        notes: sentences about what had to be done otherwise than expected.
    """

    def __init__(
        self, defense: Defense, gradient: Gradient, context: ClientContext, seed: int, at_once: int | None = None
    ) -> None:
        self._defense, self._gradient, self._seed, self._at_once = defense, gradient, seed, at_once
        self.context, self.mappable = context, context.mappable
        self.step = defense.wrap(PlainGradient(gradient), context)
        self.notes: list[str] = []

    def __call__(self, step: ClientStep, parameters: Tree, buffers: Tree, victims: Victims) -> Tree:
        """Runs a step, `{name: [V, ...]}`, some victims at a time, since random numbers take much memory.

        Args:
            step: the step of one client.
            parameters: `{name: [V, ...]}`, the trained ones.
            buffers: `{name: [V, ...]}`, buffers and frozen parameters, which no step changes.
            victims: the private batches.
        """
        size = self._at_once or (_VICTIMS_AT_ONCE_CPU if victims.ids.device.type == "cpu" else _VICTIMS_AT_ONCE)
        # A defence may hold one gradient per example.
        size = size if step.depth == 0 else max(1, size // self.context.batch_size)
        blocks = []
        for begin in range(0, len(victims), size):
            of = slice(begin, begin + size)
            noise, state = self._beforehand(step, parameters, victims.ids[of])
            weights = tuple({name: value[of] for name, value in group.items()} for group in (parameters, buffers))
            blocks.append(self._map(step, (*weights, _inputs(victims)[of], victims.labels[of], noise, state)))
        return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}

    def randomised(self, shapes: Shapes) -> bool:
        """Whether what is shared depends on random numbers; `shapes` are those of the trained parameters."""
        drawn = self.step.noise(shapes, self.context.batch_size, VictimRng((self._seed, "defense", 0)))
        return bool(pytree.tree_leaves(drawn))

    def as_function(self, parameters: Tree, buffers: Tree, victims: Victims) -> Callable[[Tensor], Tree]:
        """The step of the first victim as a function of its inputs `[B, C, H, W]`; its random numbers stay the same.

        Args:
            parameters: see `__call__`.
            buffers: see `__call__`.
            victims: the private batches.
        """
        ids, labels = victims.ids[:1], victims.labels[0]
        trees = (parameters, buffers, *self._beforehand(self.step, parameters, ids))
        weights, others, noise, state = pytree.tree_map(lambda leaf: leaf[0], trees)

        def update(inputs: Tensor) -> Tree:
            return self.step(weights, others, inputs, labels, noise, state)[0]

        return update

    def _beforehand(self, step: ClientStep, parameters: Tree, ids: Tensor) -> tuple[Any, Any]:
        """Draws each victim's random numbers, and makes its state at its first step."""
        shapes = {name: tuple(value.shape[1:]) for name, value in parameters.items()}
        victims = ids.tolist()
        rngs = [VictimRng((self._seed, "defense", victim)) for victim in victims]
        drawn = stacked(lambda i: step.noise(shapes, self.context.batch_size, rngs[i]), len(victims))
        state = stacked(lambda i: step.start(shapes), len(victims))
        return pytree.tree_map(lambda leaf: leaf.to(ids.device), (drawn, state))

    def _map(self, step: ClientStep, arguments: tuple[Any, ...]) -> Tree:
        with torch.no_grad():
            if not self.mappable:
                return self._one_by_one(step, arguments)
            try:
                return each(lambda *one: step(*one)[0], arguments, mappable=True)
            except RuntimeError as error:  # raised by vmap, which cannot map the step, or by the step itself
                if lacks_memory(error):
                    raise
                if _RANDOM in str(error):
                    raise UserError(
                        "defense: random numbers are drawn in `protect`, so they belong to no victim: draw them in "
                        "`draw`"
                    ) from error
                refusal = error
            # Running the same step victim by victim shows which it was: an error of the step itself is raised again.
            found = self._one_by_one(step, arguments)
        self._map_no_more(step, refusal)
        return found

    def _one_by_one(self, step: ClientStep, arguments: tuple[Any, ...]) -> Tree:
        """Runs the same step victim by victim; its parts do not map over samples or clients either.

        Raises:
            UserError: the step fails; the message is one line that names the defence.
        """
        known = replace(self.context, mappable=False)
        plainly = self._defense.wrap(PlainGradient(self._gradient), known) if step.depth else step
        try:
            return each(lambda *one: plainly(*one)[0], arguments, mappable=False)
        except RuntimeError as error:
            if lacks_memory(error):
                raise
            names = ", ".join(type(part).__name__ for part, _ in self._defense.flat(self.context))
            what = f"defense {names}" if step.depth else f"model {type(self.context.model).__name__}"
            raise UserError(f"{what} fails on a victim's batch: {in_short(error)}") from error

    def _map_no_more(self, step: ClientStep, refusal: RuntimeError) -> None:
        """Treats victims one by one from now on."""
        self.mappable, self.context = False, replace(self.context, mappable=False)
        self.step = self._defense.wrap(PlainGradient(self._gradient), self.context)
        what = "defence" if step.depth else "model"
        self.notes.append(f"the {what} cannot be mapped over victims, which are done one by one ({in_short(refusal)})")

    def seconds(self, step: ClientStep, parameters: Tree, buffers: Tree, victims: Victims) -> float:
        """The wall time of a step for all of `victims`: the median of a few runs, the first one left out.

        Args:
            step: the step of one client.
            parameters: `{name: [V, ...]}`, the trained ones.
            buffers: `{name: [V, ...]}`, buffers and frozen parameters.
            victims: the private batches.
        """
        times: list[float] = []
        while len(times) <= _TIMED and (not times or times[0] < _LONG):
            begin = time.perf_counter()
            result = self(step, parameters, buffers, victims)
            next(iter(result.values())).flatten()[0].item()  # reading a number waits for a GPU to finish
            times.append(time.perf_counter() - begin)
        return statistics.median(times[1:] or times)


def _inputs(victims: Victims) -> Tensor:
    """The inputs as one tensor `[V, B, ...]`, as defences take them."""
    return victims.inputs if victims.mask is None else pack(victims.inputs, victims.mask)
