"""Examples with their labels, for training and testing a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.dealing import shuffled
from bench.datamodules.pool import Integers, Pool
from bench.errors import UserError

SPLIT, ORDER, SAMPLE = 2, 3, 4  # numbers of separate random streams, in addition to those of the dealer
SAMPLINGS = ("shuffle", "poisson")
_TEST_BATCH = 500

Batch = tuple[Tensor, Tensor]  # inputs [B, C, H, W] in [0, 1], labels [B]


def held_out(data: VictimDataModule, train: int, test: int, seed: int) -> tuple[Pool, Pool]:
    """Splits off examples to train on and examples to test on, by a permutation that `seed` determines.

    Args:
        data: a dataset after `setup`.
        train: number of examples to train on, >= 1.
        test: number of examples to test on, >= 1.
        seed: determines which images are held out.

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
    """Returns all examples of a set of labelled images.

    Raises:
        UserError: the data are no images, or have no labels.
    """
    pool = data.pool
    if not isinstance(pool, Pool):
        raise UserError(f"data '{data.title}' are no images, and only classifiers of images can be trained")
    if data.classes is None:
        raise UserError(f"data '{data.title}' has no labels: no classifier can be trained on it")
    return pool


def part(pool: Pool, chosen: Integers) -> Pool:
    """Returns the examples `chosen` `[n]` of a pool."""
    return replace(pool, images=pool.images[chosen], labels=pool.labels[chosen])


class LabelledSplit(LightningDataModule):
    """Batches to train on and to test on, in one process, since the cost of a defence is measured on one device.

    Args:
        train: the examples to train on.
        test: the examples to test on.
        batch_size: examples per step, 1 to the number of examples to train on; under Poisson sampling their expected
            number.
        sampling: `shuffle` for a new permutation in each epoch, without the rest that fills no batch. `poisson` for
            steps that contain each example independently with probability `batch_size / N`, as the privacy of DP-SGD
            assumes (a step may be empty).
        seed: seed of the order and the sampling.

    Raises:
        ValueError: `sampling` is another word.
        UserError: `batch_size` is out of its range.
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
        """The number of steps per epoch."""
        return len(self.train) // self.batch_size

    @property
    def sample_rate(self) -> float:
        """The probability that a given example is in a given step."""
        return self.batch_size / len(self.train)

    def train_dataloader(self) -> Batches:
        """Returns the steps of an epoch, which are drawn again in each pass."""
        epochs = iter(range(2**62))
        return Batches(self.train, self.steps, lambda: self.epoch(next(epochs)))

    def test_dataloader(self) -> Batches:
        """Returns every example to test on, once, in order."""
        places = np.arange(len(self.test))
        count = -(-len(places) // _TEST_BATCH)
        return Batches(self.test, count, lambda: iter(np.array_split(places, count)))

    def examples(self, most: int) -> Iterator[Batch]:
        """Yields the first examples to train on, `most` at most, each as a batch of one."""
        for place in np.arange(min(most, len(self.train)))[:, None]:
            yield self.train.inputs(place), torch.from_numpy(self.train.labels[place])

    def epoch(self, number: int) -> Iterator[Integers]:
        """Yields the examples of each step of epoch `number`, as positions in `train`."""
        count = len(self.train)
        if self.sampling == "shuffle":
            order = shuffled(count, self.seed, ORDER, number)
            return (order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(self.steps))
        words = np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(SAMPLE, number)))
        bound = np.uint64(int(self.sample_rate * 2.0**53))
        return (np.flatnonzero((words.random_raw(count) >> np.uint64(11)) < bound) for _ in range(self.steps))


class Batches:
    """Batches of a pool, in an order drawn again in each pass; no DataLoader, since workers would not pay."""

    def __init__(self, pool: Pool, count: int, order: Callable[[], Iterator[Integers]]) -> None:
        self._pool, self._count, self._order = pool, count, order

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        for places in self._order():
            yield self._pool.inputs(places), torch.from_numpy(self._pool.labels[places])
