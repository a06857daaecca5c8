"""Images of a data set that an attacker may have, because no victim holds them."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.dealing import IMAGES, shuffled
from bench.datamodules.pool import Integers, Pool
from bench.errors import NotApplicable

_DEALT_AT_ONCE = 256  # victims whose images are in memory at a time


def public_images(data: VictimDataModule, most: int) -> tuple[Tensor, Tensor] | None:
    """Returns images `[P, C, H, W]` that no victim holds, and their labels `[P]`; None for data that are no images.

    Args:
        data: a data set after `setup`.
        most: see `public_samples`.

    Raises:
        NotApplicable: see `public_samples`.
    """
    pool = data.pool
    if not most or not isinstance(pool, Pool):
        return None
    samples = public_samples(data, most)
    return pool.inputs(samples), torch.from_numpy(pool.labels[samples])


def public_samples(data: VictimDataModule, most: int) -> Integers:
    """Returns the numbers of the public images `[P]`: `most` of them, or half of the data set if that is less.

    They are the last images of the permutation from which the first round of victims is dealt. So they depend neither
    on the number of victims nor on B, and no victim becomes another one because of them. An image of which the rest of
    the data set has a copy is left out, because a victim could hold the copy.

    Args:
        data: a set of images after `setup`.
        most: how many are wanted, >= 0.

    Raises:
        NotApplicable: one of the `data.victims` victims holds one of these images.
    """
    count = min(most, data.size_of_pool // 2)
    order = shuffled(data.size_of_pool, data.seed, IMAGES, 0)
    private, public = order[: len(order) - count], order[len(order) - count :]
    holder = _first_holder(data, public)
    if holder is not None:
        raise NotApplicable(
            f"threat.public_images={most}: victim {holder} of data '{data.title}' holds one of the last {count} images "
            f"in the order of dealing, which are public ({_advice(holder)})"
        )
    return public[~_copied(data.pool, public, private)]


def _first_holder(data: VictimDataModule, public: Integers) -> int | None:
    """The number of the first victim that holds one of these images; None if no victim does."""
    for begin in range(0, data.victims, _DEALT_AT_ONCE):
        ids = range(begin, min(begin + _DEALT_AT_ONCE, data.victims))
        held = np.isin(data.deal(ids).samples.numpy(), public).any(1)
        if held.any():
            return begin + int(held.argmax())
    return None


def _advice(holder: int) -> str:
    fewer = "make fewer images public"
    return f"data.victims={holder}, or {fewer}" if holder else fewer


def _copied(pool: Pool, public: Integers, private: Integers) -> np.ndarray:
    """Whether each public image has a copy among the private ones, `[P]`; only the pixels are compared."""
    digests = {_digest(pool, sample) for sample in private.tolist()}
    return np.array([_digest(pool, sample) in digests for sample in public.tolist()], dtype=bool)


def _digest(pool: Pool, sample: int) -> bytes:
    return blake2b(np.ascontiguousarray(pool.images[sample]).data, digest_size=16).digest()
