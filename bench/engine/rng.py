"""Random numbers that belong to a victim, not to a process: the same whatever the chunk, rank or device.

Every draw is made on the CPU by a generator seeded with a hash of what it is for: (seed, purpose, victim id, ...).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def seed_of(*parts: int | str) -> int:
    """A 63-bit seed from any number of integers and words; different words give independent streams."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """A CPU generator for the purpose that `parts` name."""
    return torch.Generator().manual_seed(seed_of(*parts))


def draw(kind: str, shape: tuple[int, ...], *parts: int | str) -> Tensor:
    """One victim's tensor of `shape`, float32, from `uniform` (on [0, 1)) or `normal` (standard).

    Raises:
        ValueError: another kind.
    """
    if kind == "uniform":
        return torch.rand(shape, generator=generator(*parts))
    if kind == "normal":
        return torch.randn(shape, generator=generator(*parts))
    raise ValueError(f"{kind!r}: want uniform or normal")


@contextlib.contextmanager
def seeded(*parts: int | str) -> Iterator[None]:
    """Inside, torch's global CPU generator is seeded for the purpose that `parts` name; outside it is untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(*parts))
        yield


@dataclass(frozen=True)
class VictimRng:
    """One victim's source of random numbers.

    Args:
        parts: what the numbers are for, (seed, "defense", victim id, ...); other parts give independent numbers.
    """

    parts: tuple[int | str, ...]

    def child(self, *more: int | str) -> VictimRng:
        """The stream of a narrower purpose."""
        return VictimRng((*self.parts, *more))

    def normal(self, shapes: Shapes) -> dict[str, Tensor]:
        """Standard normal tensors of these shapes, float32."""
        return self._each("normal", shapes)

    def uniform(self, shapes: Shapes) -> dict[str, Tensor]:
        """Tensors of these shapes, float32, uniform on [0, 1)."""
        return self._each("uniform", shapes)

    def _each(self, kind: str, shapes: Shapes) -> dict[str, Tensor]:
        return {name: draw(kind, shape, *self.parts, name) for name, shape in shapes.items()}
