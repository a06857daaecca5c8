"""Random numbers per victim, which do not depend on the chunk, the rank, the process or the device.

Every draw is made on the CPU by a generator whose seed is a hash of the purpose of the draw: (seed, purpose, victim id,
...).
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
    """Draws one victim's float32 tensor of shape `shape`.

    Args:
        kind: `uniform` on [0, 1), or `normal` (standard normal).
        shape: of the tensor.
        parts: the purpose of the numbers, as in `seed_of`.

    Raises:
        ValueError: `kind` is another word.
    """
    if kind == "uniform":
        return torch.rand(shape, generator=generator(*parts))
    if kind == "normal":
        return torch.randn(shape, generator=generator(*parts))
    raise ValueError(f"{kind!r}: want uniform or normal")


@contextlib.contextmanager
def seeded(*parts: int | str) -> Iterator[None]:
    """Seeds torch's global CPU generator for the purpose that `parts` name, and restores its state afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(*parts))
        yield


@dataclass(frozen=True)
class VictimRng:
    """One victim's source of random numbers.

    Args:
        parts: the purpose of the numbers, (seed, "defense", victim id, ...); different parts give independent numbers.
    """

    parts: tuple[int | str, ...]

    def child(self, *more: int | str) -> VictimRng:
        """Returns a source for a narrower purpose, independent of this one."""
        return VictimRng((*self.parts, *more))

    def normal(self, shapes: Shapes) -> dict[str, Tensor]:
        """Draws standard normal tensors of these shapes, float32."""
        return self._each("normal", shapes)

    def uniform(self, shapes: Shapes) -> dict[str, Tensor]:
        """Draws tensors of these shapes, float32, uniform on [0, 1)."""
        return self._each("uniform", shapes)

    def _each(self, kind: str, shapes: Shapes) -> dict[str, Tensor]:
        return {name: draw(kind, shape, *self.parts, name) for name, shape in shapes.items()}
