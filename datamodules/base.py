"""What every dataset has in common: dealing victims, sharing them out over processes, and the facts about the data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
import torch.distributed
from pytorch_lightning import LightningDataModule
from torch import Tensor

from bench.datamodules.checks import check_integer, check_word
from bench.datamodules.dealing import RULES, Dealer, check_possible, drawn_labels
from bench.datamodules.pool import Integers
from bench.download.http import fetching
from bench.errors import UserError
from bench.messages import Victims


class Examples(Protocol):
    """All examples of one dataset, whatever they are: what dealing needs to know of them.

    `labels` `[N]` int64 (all 0 without classes), `classes` how many there are or None, `class_names` one each or None.
    """

    labels: Integers
    classes: int | None
    class_names: tuple[str, ...] | None

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""

    @property
    def fingerprint(self) -> str:
        """The same for the same examples and labels only."""


P = TypeVar("P", bound=Examples)


@dataclass(eq=False, repr=False, kw_only=True)
class VictimDataModule(LightningDataModule, Generic[P]):
    """Deals the private batches of `victims` independent clients. A family says five things, the bases do the rest:

    `where()` the place its files are, `missing()` which of them are not there, `by_hand()` what a user can do about it,
    `fetch()` the download, `load()` the reading. Nothing is downloaded unless `prepare()` is called. `ImageDataModule`
    and `TextDataModule` say in `private()` what a victim holds.

    Args:
        name: what tables print.
        victims: how many, at least 1.
        batch_size: B, examples in each victim's batch.
        seed: fixes, with the dataset, B and the rule, which examples victim i has.
        label_rule: `random` any examples, `unique` B different labels, `same` B equal labels.
        labels: `own` the examples' own; `random` drawn per victim, by the rule, over all classes.

    Attributes:
        things: what messages call the examples.
        public: whether the examples are anybody's to look at, so that an attacker may know their mean.
        block: how many victims at most come out of `test_dataloader` at a time.
        todo: the victims wanted; None is all of `range(victims)`.

    Raises:
        UserError: a value out of range, here; a dataset that is missing, damaged or too small, in `setup`.
    """

    name: str = field()  # a plain annotation would take LightningDataModule.name = None as its default
    victims: int
    batch_size: int
    seed: int
    label_rule: str
    labels: str
    things: ClassVar[str] = "examples"
    public: ClassVar[bool] = True
    block: int = field(init=False, default=64)
    todo: Sequence[int] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        super().__init__()
        check_integer("data.victims", self.victims, 1, "independent updates to attack")
        check_integer("data.batch_size", self.batch_size, 1, "examples in each victim's batch")
        check_integer("data.seed", self.seed, 0, f"chooses which {self.things} the victims hold")
        check_word("data.label_rule", self.label_rule, RULES)
        check_word("data.labels", self.labels, ("own", "random"))
        self._pool: P | None = None

    # What a family says

    @abstractmethod
    def where(self) -> str:
        """The folder, file or package that the data are, or will be, in."""

    @abstractmethod
    def missing(self) -> list[str]:
        """Names of files that are not there; empty where all are. Looks at names only, so it is quick."""

    @abstractmethod
    def by_hand(self) -> str:
        """What the user can do without a download, as the end of a sentence."""

    @abstractmethod
    def fetch(self) -> None:
        """Download what is missing; called inside `fetching`, which turns its failure into a sentence."""

    @abstractmethod
    def load(self) -> P:
        """Read every example; called when nothing is missing.

        Raises:
            UserError: a file is damaged: its name, and what is wrong with it.
        """

    # What a kind of example says

    @abstractmethod
    def private(self, ids: Sequence[int], samples: Integers, labels: Integers) -> dict[str, Tensor]:
        """`inputs`, `labels` and, of sentences, `mask` of the victims `ids`: see `bench.messages.Victims`.

        Args:
            ids: V victim numbers.
            samples: `[V, B]`, the examples that they hold.
            labels: `[V, B]`, those examples' classes, or the drawn ones.
        """

    # What both inherit

    @property
    def title(self) -> str:
        """What messages and tables call the dataset."""
        return self.name

    def present(self) -> bool:
        """Whether every file is there (`load` finds out whether they are whole)."""
        return not self.missing()

    def command(self) -> str:
        """What fetches the dataset, typed at a shell."""
        return f"leakbench prepare {self.name}"

    def absent(self) -> str:
        """The sentence for a dataset that is not there."""
        return f"data '{self.title}' is not in {self.where()}; run: {self.command()}, or {self.by_hand()}"

    def prepare(self) -> None:
        """Download the dataset if it is not there; a host that cannot be reached is given up after seconds.

        Raises:
            UserError: the download failed; how to put the files there by hand.
        """
        if self.missing():
            with fetching(self.title, self.by_hand()):
                self.fetch()

    def setup(self, stage: str | None = None) -> None:
        """Read and check the data, once; `stage` is Lightning's and makes no difference.

        Raises:
            UserError: the data are missing or damaged, labels leave the class range, or the rule cannot be kept.
        """
        if self._pool is not None:
            return
        pool = self._read()
        self._check_labels(pool)
        check_possible(
            self.title,
            pool.labels,
            pool.class_names,
            pool.classes,
            self.batch_size,
            self.label_rule,
            self.labels == "own",
            self.things,
        )
        self._dealer = Dealer(
            pool.labels, self.batch_size, self.seed, self.label_rule if self.labels == "own" else "random"
        )
        self._pool = pool

    def _read(self) -> P:
        try:
            if self.missing():
                raise UserError(self.absent())
            return self.load()
        except OSError as error:
            raise UserError(
                f"data '{self.title}': {error.filename or self.where()}: {error.strerror or error}"
            ) from None

    def _check_labels(self, pool: P) -> None:
        limit = 1 if pool.classes is None else pool.classes
        outside = pool.labels[(pool.labels < 0) | (pool.labels >= limit)]
        if len(outside):
            raise UserError(f"data '{self.title}': label {outside[0]} is outside the class range 0..{limit - 1}")

    @property
    def pool(self) -> P:
        """All examples. Raises RuntimeError before `setup()`."""
        if self._pool is None:
            raise RuntimeError("call setup() first")
        return self._pool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example: `(C, H, W)` of an image, `(T,)` of a sentence."""
        return self.pool.shape

    @property
    def classes(self) -> int | None:
        """Class count of the full dataset; None where it has no labels (victims' labels are then all 0)."""
        return self.pool.classes

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """One name a class, where known."""
        return self.pool.class_names

    @property
    def size_of_pool(self) -> int:
        """N, how many examples there are."""
        return len(self.pool)

    @property
    def fingerprint(self) -> str:
        """Hex digest of all examples and labels; the same for any number of victims, seed, or B."""
        return self.pool.fingerprint

    @property
    def provenance(self) -> dict[str, str]:
        """Where the examples come from, as far as is known: `name` and `commit` on a hub, `sha256` of a file."""
        return {}

    @property
    def mean_image(self) -> Tensor | None:
        """`[C, H, W]` in [0, 1], over the whole dataset; None where the examples are no images."""
        return None

    def deal(self, ids: Sequence[int]) -> Victims:
        """The victims `ids`: each the same whoever asks, in whatever company and order.

        Args:
            ids: V victim numbers, at least 0.
        """
        pool, size = self.pool, self.batch_size
        dealt = [self._dealer(int(victim)) for victim in ids]
        samples = np.array([chosen for chosen, _ in dealt], dtype=np.int64).reshape(-1, size)
        labels = pool.labels[samples]
        if self.labels == "random" and pool.classes is not None:
            for row, victim in enumerate(ids):
                labels[row] = drawn_labels(int(victim), self.seed, size, pool.classes, self.label_rule)
        return Victims(
            **self.private(ids, samples, labels),
            ids=torch.tensor([int(victim) for victim in ids], dtype=torch.int64),
            samples=torch.from_numpy(samples),
            repeats=torch.tensor([repeats for _, repeats in dealt], dtype=torch.int64),
        )

    def test_dataloader(self) -> Blocks:
        """This process's share of the victims still to do, in blocks of at most `block`.

        Equally many blocks in every process, the last of them empty where need be: Lightning passes over a process
        without any, which the others would then wait for when they add up.
        """
        todo = range(self.victims) if self.todo is None else self.todo
        rank, world = self._place()
        most = len(share(todo, 0, world))
        return Blocks(self, share(todo, rank, world), self.block, count=-(-most // self.block))

    def _place(self) -> tuple[int, int]:
        """`(rank, world size)` of this process."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return torch.distributed.get_rank(), torch.distributed.get_world_size()
        if self.trainer is not None:
            return self.trainer.global_rank, self.trainer.world_size
        return 0, 1


def share(ids: Sequence[int], rank: int, world: int) -> list[int]:
    """Every `world`-th id, from the `rank`-th on: together each one once, none repeated to even out the shares."""
    return list(ids[rank::world])


class Blocks:
    """Victims, a block at a time. Not a DataLoader, whose sampler Lightning would replace by one that pads."""

    def __init__(self, source: VictimDataModule, ids: Sequence[int], block: int, count: int) -> None:
        self._source = source
        self._blocks = [ids[number * block : (number + 1) * block] for number in range(count)]

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[Victims]:
        return (self._source.deal(ids) for ids in self._blocks)
