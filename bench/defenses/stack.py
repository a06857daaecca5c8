"""Several defences, each around those before it, and what is reported about them together."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from torch import nn

from bench.defenses.base import ClientContext, ClientStep, Defense
from bench.defenses.encoding import Encoding, undefended
from bench.defenses.privacy import CANDIDATES, Privacy
from bench.engine.rng import Shapes


@dataclass(frozen=True)
class Stack(Defense):
    """Defences in the order in which they act: each wraps those before it (see `bench.defenses.base`).

    Args:
        parts: the defences, each with its own parameters and seed; an empty list means no defence.
    """

    parts: list[Defense]

    @property
    def level(self) -> str:  # type: ignore[override]
        """What each part acts on, in order, as one string."""
        return ", ".join(part.level for part in self.parts)

    @property
    def must_change(self) -> bool:
        """Whether any part always changes what is shared."""
        return any(part.must_change for part in self.parts)

    @property
    def changes_model(self) -> bool:
        """Whether any part changes the model."""
        return any(part.changes_model for part in self.parts)

    def change_model(self, model: nn.Module) -> nn.Module:
        """The model after all parts, applied one after the other."""
        for part in self.parts:
            model = part.change_model(model)
        return model

    def unit(self, local: ClientContext) -> float | None:
        """The product of the units of the parts; None if no part has one."""
        units = [unit for part, known in self._each(local) if (unit := part.unit(known)) is not None]
        return prod(units) if units else None

    def _each(self, local: ClientContext) -> list[tuple[Defense, ClientContext]]:
        """The parts with their contexts: a later part may split the batch of those before it."""
        pairs: list[tuple[Defense, ClientContext]] = []
        for part in reversed(self.parts):
            pairs.insert(0, (part, local))
            local = part.context_for_inner(local)
        return pairs

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns the step with all parts around it, each around those before it."""
        for part, known in self._each(local):
            inner = part.wrap(inner, known)
        return inner

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context of a defence before all parts."""
        for part in reversed(self.parts):
            local = part.context_for_inner(local)
        return local

    def encode(self, sent: Encoding) -> Encoding:
        """What is sent after all parts, applied one after the other."""
        for part in self.parts:
            sent = part.encode(sent)
        return sent

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """The guarantee after all parts, applied one after the other."""
        for part in self.parts:
            inner = part.privacy(inner)
        return inner

    def flat(self, local: ClientContext) -> list[tuple[Defense, ClientContext]]:
        """The parts, with those of nested stacks in their places, and their contexts."""
        return [one for part, known in self._each(local) for one in part.flat(known)]


def schedule_of(defense: Defense, local: ClientContext) -> Stack:
    """Selects the parts that are ways of training (local steps, clients), in order, as an attacker may know them."""
    return Stack([part.as_known() for part, _ in defense.flat(local) if part.schedule])


def public(defense: Defense, local: ClientContext, training: bool) -> tuple[dict[str, Any], ...]:
    """Describes the parts as the threat model may grant them, without seeds.

    Args:
        defense: the defence.
        local: the client's context.
        training: whether ways of training (local steps, clients) are included; these are granted separately.

    Returns:
        One mapping per part, of plain values: its class, its position, what it acts on, its parameters.
    """
    flat = [one for one in enumerate(defense.flat(local)) if training or not one[1][0].schedule]
    parts = [{"position": i, **part.facts(known)} for i, (part, known) in flat]
    return tuple({name: value for name, value in part.items() if name != "seed"} for part in parts)


def described(defense: Defense, local: ClientContext, shapes: Shapes) -> dict[str, Any]:
    """Describes a defence for the results, as plain values.

    Args:
        defense: the defence.
        local: the client's context.
        shapes: `{name: shape}` of the parameters.

    Returns:
        `parts` (one mapping per part, as from `public`, with seeds), `bytes` that a client sends per step and their
        `encoding`, `epsilon` of one shared step whose batch is known to have taken part, with its `delta`,
        `identification` `{candidates, bound}` of the same step (see `Privacy.identification`; all three are null if
        there is no guarantee), and `notes`.
    """
    sent, privacy = defense.encode(undefended(shapes)), defense.privacy(None)
    parts = defense.flat(local)
    return {
        "parts": [{"position": i, **part.facts(known)} for i, (part, known) in enumerate(parts)],
        "bytes": sent.bytes,
        "encoding": sent.words,
        "epsilon": privacy.epsilon(1, 1.0) if privacy else None,
        "delta": privacy.delta if privacy else None,
        "identification": privacy and {"candidates": CANDIDATES, "bound": privacy.identification(CANDIDATES)},
        "notes": [note for part, known in parts for note in part.notes(known)],
    }
