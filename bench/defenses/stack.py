"""Several defences, one around the other, and what is said of them together."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from bench.defenses.base import ClientContext, ClientStep, Defense
from bench.defenses.encoding import Encoding, undefended
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes


@dataclass(frozen=True)
class Stack(Defense):
    """Defences in the order in which they act: each wraps those before it (see `bench.defenses.base`).

    Args:
        parts: the defences, each with its own parameters and seed; none of them for no defence at all.
    """

    parts: list[Defense]

    @property
    def level(self) -> str:  # type: ignore[override]
        """Where each part acts, in order."""
        return ", ".join(part.level for part in self.parts)

    @property
    def must_change(self) -> bool:
        """Whether any part must."""
        return any(part.must_change for part in self.parts)

    @property
    def unit(self) -> float | None:
        """The product of the parts'; None where no part has one."""
        units = [part.unit for part in self.parts if part.unit is not None]
        return prod(units) if units else None

    def _each(self, local: ClientContext) -> list[tuple[Defense, ClientContext]]:
        """The parts, and what each knows: a later part may deal the batch to those before it."""
        pairs: list[tuple[Defense, ClientContext]] = []
        for part in reversed(self.parts):
            pairs.insert(0, (part, local))
            local = part.context_for_inner(local)
        return pairs

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Each part around those before it."""
        for part, known in self._each(local):
            inner = part.wrap(inner, known)
        return inner

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """What a defence before all parts knows."""
        for part in reversed(self.parts):
            local = part.context_for_inner(local)
        return local

    def encode(self, sent: Encoding) -> Encoding:
        """Part after part."""
        for part in self.parts:
            sent = part.encode(sent)
        return sent

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Part after part."""
        for part in self.parts:
            inner = part.privacy(inner)
        return inner

    def flat(self, local: ClientContext) -> list[tuple[Defense, ClientContext]]:
        """The parts, and the parts of those."""
        return [one for part, known in self._each(local) for one in part.flat(known)]


def schedule_of(defense: Defense, local: ClientContext) -> Stack:
    """Only the parts that are ways of training (local steps, clients), in order."""
    return Stack([part for part, _ in defense.flat(local) if part.schedule])


def public(defense: Defense, local: ClientContext, training: bool) -> tuple[dict[str, Any], ...]:
    """A mapping a part, as plain values: its class, its position, where it acts, its parameters; no seeds.

    Args:
        training: whether ways of training (local steps, clients) are among them: these are a grant of their own.
    """
    flat = [one for one in enumerate(defense.flat(local)) if training or not one[1][0].schedule]
    parts = [{"position": i, **part.facts(known)} for i, (part, known) in flat]
    return tuple({name: value for name, value in part.items() if name != "seed"} for part in parts)


def described(defense: Defense, local: ClientContext, shapes: Shapes) -> dict[str, Any]:
    """What a row says of a defence, as plain values.

    Args:
        shapes: of the parameters, `{name: shape}`.

    Returns:
        `parts` (a mapping each, as of `public`, with seeds), `bytes` that a client sends per step and their `encoding`,
        `epsilon` of one shared step whose batch is known to have taken part, with its `delta` (null where there is no
        guarantee), and `notes`.
    """
    sent, privacy = defense.encode(undefended(shapes)), defense.privacy(None)
    parts = defense.flat(local)
    return {
        "parts": [{"position": i, **part.facts(known)} for i, (part, known) in enumerate(parts)],
        "bytes": sent.bytes,
        "encoding": sent.words,
        "epsilon": privacy.epsilon(1, 1.0) if privacy else None,
        "delta": privacy.delta if privacy else None,
        "notes": [note for part, known in parts for note in part.notes(known)],
    }
