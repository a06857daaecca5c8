"""A direction for batches: one example of the batch moves per step, each in its turn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.directions import LBFGS, Direction, Gradient, Iterate
from bench.engine.slots import Slots


@dataclass(eq=False)
class ExampleTurns(Slots):
    """Whose turn it is in each of S slots, and the past of each of the S x B examples."""

    example: Tensor  # [S], the example that moves next
    failed: Tensor  # [S], how many examples in a row had no step that led down
    past: Slots  # S x B rows, those of one slot beside each other

    def keep(self, index: Tensor) -> ExampleTurns:
        """Returns the state of the slots in `index` only."""
        batch_size = len(self.past) // len(self.example)
        rows = index.unsqueeze(1) * batch_size + torch.arange(batch_size, device=index.device)
        return ExampleTurns(self.example[index], self.failed[index], self.past.keep(rows.flatten()))


class InTurn(Direction):
    """Moves one example per step, the next one at the next step, as DLG does for batches (arXiv 1906.08935).

    Each example has a history of its own, so its curvature is that of its own variables, measured at its own steps.
    With one example this is the direction inside.

    An example along whose steepest descent no lower point is found passes its turn on. A run has converged once all
    examples in a row have passed.

    Args:
        inner: the direction of one example: `LBFGS` or `Gradient`.
        batch_size: B >= 1.
        inputs: number of variables that stand for images; the other ones are label logits, in B rows.

    Raises:
        ValueError: `inner` is another direction, whose state would change at steps that the example does not take.
    """

    def __init__(self, inner: Direction, batch_size: int, inputs: int) -> None:
        if not isinstance(inner, LBFGS | Gradient):
            raise ValueError(f"examples in turn: want the direction LBFGS or Gradient, not {type(inner).__name__}")
        self.inner, self.batch_size, self.inputs = inner, batch_size, inputs

    def _rows(self, z: Tensor) -> Tensor:
        """`[S, n]` -> `[S x B, n / B]`, one row per example: its image, then its logits."""
        images, logits = (part.reshape(len(z), self.batch_size, -1) for part in self._parts(z))
        return torch.cat([images, logits], 2).flatten(0, 1)

    def _parts(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z[:, : self.inputs], z[:, self.inputs :]

    def _joined(self, rows: Tensor) -> Tensor:
        """`[S x B, n / B]` -> `[S, n]`, the inverse of `_rows`."""
        rows = rows.unflatten(0, (-1, self.batch_size))
        image = self.inputs // self.batch_size
        return torch.cat([rows[:, :, :image].flatten(1), rows[:, :, image:].flatten(1)], 1)

    def _only(self, example: Tensor) -> Tensor:
        """`[S]` -> mask `[S x B]` of the rows of these examples."""
        every = torch.arange(self.batch_size, device=example.device)
        return (example.unsqueeze(1) == every).flatten()

    def start(self, like: Tensor) -> ExampleTurns:
        """Makes empty pasts for slots shaped like `like` `[S, n]`; the first example moves first."""
        first = torch.zeros(len(like), dtype=torch.long, device=like.device)
        return ExampleTurns(first, first.clone(), self.inner.start(self._rows(like)))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Forgets the past of the masked slots; an example that had none passes its turn on."""
        assert isinstance(state, ExampleTurns)
        passes = slots & ~self.has_past(state)
        state.failed += passes
        state.example = torch.where(passes, (state.example + 1) % self.batch_size, state.example)
        self.inner.clear(state.past, slots.repeat_interleave(self.batch_size))

    def has_past(self, state: Slots) -> Tensor:
        """Says for each slot `[S]` whether the example whose turn it is has taken steps."""
        assert isinstance(state, ExampleTurns)
        past = self.inner.has_past(state.past).unflatten(0, (-1, self.batch_size))
        return past.gather(1, state.example.unsqueeze(1)).squeeze(1)

    def can_restart(self, state: Slots) -> Tensor:
        """Says for each slot `[S]` whether an example is left that has not passed its turn on."""
        assert isinstance(state, ExampleTurns)
        return self.has_past(state) | (state.failed < self.batch_size - 1)

    def restricted(self, state: Slots, d: Tensor) -> Tensor:
        """Returns `d` `[S, n]`, with zeros at all examples but the one whose turn it is."""
        assert isinstance(state, ExampleTurns)
        return self._joined(self._rows(d) * self._only(state.example).unsqueeze(1))

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Records the step of the example that has moved; returns the direction `[S, n]` of the next one."""
        assert isinstance(state, ExampleTurns)
        moved = at.stepped & at.here
        stepped = moved.repeat_interleave(self.batch_size) & self._only(state.example)
        x, g, s, g_before = (self._rows(value) for value in (at.x, at.g, at.s, at.g_before))
        here = at.here.repeat_interleave(self.batch_size)
        d = self.inner(state.past, Iterate(x, g, s, g_before, stepped, here))
        following = torch.where(moved, (state.example + 1) % self.batch_size, 0)  # a start begins with the first
        state.example = torch.where(at.here, following, state.example)
        state.failed = state.failed.masked_fill(at.here, 0)
        return self.restricted(state, self._joined(d))
