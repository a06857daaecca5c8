"""Examples with their labels, for training a classifier: some to train on, others to test on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.dealing import shuffled
from bench.datamodules.images import ImageDataModule
from bench.datamodules.pool import Integers, Pool
from bench.errors import UserError

SPLIT, ORDER, SAMPLE = 2, 3, 4  # separate streams of random numbers, beside those of the dealer
SAMPLINGS = ("shuffle", "poisson")
_TEST_BATCH = 500

Batch = tuple[Tensor, Tensor]  # inputs [B, C, H, W] in [0, 1], labels [B]


def held_out(data: VictimDataModule, train: int, test: int, seed: int) -> tuple[Pool, Pool]:
    """`train` and `test` examples of one split that a permutation fixed by `seed` cuts apart.

    Args:
        data: set up.
        train, test: how many examples, at least 1 each.
        seed: fixes which images are held out.

    Raises:
        UserError: the data have no labels, or fewer examples.
    """
    pool = labelled(data)
    if train + test > len(pool):
        raise UserError(
            f"training.train={train}, training.test={test}: data '{data.title}' has only {len(pool)} images"
        )
    order = shuffled(len(pool), seed, SPLIT)
    return part(pool, order[:train]), part(pool, order[train : train + test])


def labelled(data: VictimDataModule) -> Pool:
    """All examples of a set of images that carry labels.

    Raises:
        UserError: it is of something else, or they carry none.
    """
    if not isinstance(data, ImageDataModule):
        raise UserError(f"data '{data.title}' are no images: what is trained here classifies images")
    if data.classes is None:
        raise UserError(f"data '{data.title}' has no labels: no classifier can be trained on it")
    return data.pool


def part(pool: Pool, chosen: Integers) -> Pool:
    """The examples `chosen` `[n]` of a pool."""
    return replace(pool, images=pool.images[chosen], labels=pool.labels[chosen])


class LabelledSplit(LightningDataModule):
    """Batches to train on and to test on. One process: what a defence costs is measured on one device.

    Args:
        train, test: the examples of each part.
        batch_size: examples a step; under Poisson sampling their expected number.
        sampling: `shuffle` a new permutation each epoch, the rest that fills no batch left out; `poisson` each example
            is in a step with probability `batch_size / N`, independently, which is what the privacy of DP-SGD is
            accounted for (a step may be empty).
        seed: of order and sampling.
    """

    def __init__(self, train: Pool, test: Pool, batch_size: int, sampling: str, seed: int) -> None:
        super().__init__()
        if sampling not in SAMPLINGS:
            raise ValueError(f"sampling={sampling!r}: want one of {', '.join(SAMPLINGS)}")
        if not 1 <= batch_size <= len(train):
            raise UserError(f"training.batch_size={batch_size}: must be 1 to {len(train)} (examples to train on)")
        self.train, self.test, self.batch_size, self.sampling, self.seed = train, test, batch_size, sampling, seed

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return len(self.train) // self.batch_size

    @property
    def sample_rate(self) -> float:
        """The probability of an example to be in a step."""
        return self.batch_size / len(self.train)

    def train_dataloader(self) -> Batches:
        """The steps of an epoch, drawn anew each time they are gone through."""
        epochs = iter(range(2**62))
        return Batches(self.train, self.steps, lambda: self.epoch(next(epochs)))

    def test_dataloader(self) -> Batches:
        """Every example to test on, once, in order."""
        places = np.arange(len(self.test))
        count = -(-len(places) // _TEST_BATCH)
        return Batches(self.test, count, lambda: iter(np.array_split(places, count)))

    def epoch(self, number: int) -> Iterator[Integers]:
        """The examples of each step of an epoch: places in `train`."""
        count = len(self.train)
        if self.sampling == "shuffle":
            order = shuffled(count, self.seed, ORDER, number)
            return (order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(self.steps))
        words = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(SAMPLE, number)))
        bound = np.uint64(int(self.sample_rate * 2.0**53))
        return (np.flatnonzero((words.random_raw(count) >> np.uint64(11)) < bound) for _ in range(self.steps))


class Batches:
    """Batches of a pool, in an order asked for anew each time. Not a DataLoader: no worker is worth its start."""

    def __init__(self, pool: Pool, count: int, order: Callable[[], Iterator[Integers]]) -> None:
        self._pool, self._count, self._order = pool, count, order

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        for places in self._order():
            yield self._pool.inputs(places), torch.from_numpy(self._pool.labels[places])
