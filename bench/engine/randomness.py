"""Random numbers that belong to a victim, not to a process: the same whatever the chunk, rank or device.

Every draw is made on the CPU by a generator seeded with a hash of what it is for: (seed, purpose, victim id, ...).
"""

import contextlib
import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor


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
