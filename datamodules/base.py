"""What all datasets share: they deal victims, divide them among processes, and report facts about the data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
import torch.distributed
from pytorch_lightning import LightningDataModule
from torch import Tensor

from bench.datamodules.blocks import Blocks, share
from bench.datamodules.checks import check_integer, check_word
from bench.datamodules.dealing import RULES, Dealer, check_classes, check_possible, drawn_labels
from bench.datamodules.examples import Examples
from bench.datamodules.pool import Integers
from bench.datamodules.tokens import Maker
from bench.download.http import fetching
from bench.errors import UserError
from bench.messages.columns import TableColumns
from bench.messages.task import TokenizerProtocol
from bench.messages.victims import Victims

P = TypeVar("P", bound=Examples)


@dataclass(eq=False, repr=False, kw_only=True)
class VictimDataModule(LightningDataModule, Generic[P]):
    """Deals the private batches of `victims` independent clients.

    A family of datasets defines five functions, and the base classes do the rest. `where()` names the place of its
    files, `missing()` those that are not there, and `by_hand()` what a user can do about it; `fetch()` downloads them,
    and `load()` reads them. Nothing is downloaded unless `prepare()` is called. A victim holds examples and their
    classes; `TextDataModule` adds to these in `private()`.

    Args:
        name: the name that tables print.
        victims: number of victims, >= 1.
        batch_size: B, examples in each victim's batch, >= 1.
        seed: determines, together with the dataset, B and the label rule, which examples victim i holds; >= 0.
        label_rule: `random` for any examples, `unique` for B different labels, `same` for B equal labels, `replacement`
            for any examples that are drawn with replacement, so that B may exceed their number.
        labels: `own` for the labels of the examples; `random` for labels that are drawn per victim from all classes, by
            the label rule.

    Attributes:
        modality: the kind of the examples by its name, which is also what messages call them (see `bench.modalities`).
        public: whether the examples are public, so that an attacker may know their mean.
        input_range: the interval of inputs; of examples without bounds, the interval of what is usual.
        block: the most victims that `test_dataloader` yields at a time.
        todo: the victims that are dealt; None for all of `range(victims)`.
        tokenizer: what turns the examples into tokens; None if they are not tokens, or before `adopt`.
        head: what a model of tokens predicts: `classification`, `masked` or `causal`; None before `adopt`.
        hidden: share of the tokens that a masked language model has to predict, in [0, 1].
        columns: what the numbers of a row are; None if the examples are no rows, or before `setup`.

    Raises:
        UserError: a value is out of range (at construction), or the dataset is missing, damaged or too small (in
            `setup`).
    """

    name: str = field()  # with an annotation alone, LightningDataModule.name = None would be its default
    victims: int
    batch_size: int
    seed: int
    label_rule: str
    labels: str
    modality: ClassVar[str]
    public: ClassVar[bool] = True
    input_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    block: int = field(init=False, default=64)
    todo: Sequence[int] | None = field(init=False, default=None)
    tokenizer: TokenizerProtocol | None = field(init=False, default=None)
    head: str | None = field(init=False, default=None)
    hidden: float = field(init=False, default=0.0)
    columns: TableColumns | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        super().__init__()
        check_integer("data.victims", self.victims, 1, "independent updates to attack")
        check_integer("data.batch_size", self.batch_size, 1, "examples in each victim's batch")
        check_integer("data.seed", self.seed, 0, f"chooses which {self.modality} the victims hold")
        check_word("data.label_rule", self.label_rule, RULES)
        check_word("data.labels", self.labels, ("own", "random"))
        self._pool: P | None = None

    # A family of datasets defines these.

    @abstractmethod
    def where(self) -> str:
        """The folder, file or package that holds the data, or will hold them."""

    @abstractmethod
    def missing(self) -> list[str]:
        """Returns the names of files that are not there, empty if all are; only names are checked, so this is quick."""

    @abstractmethod
    def by_hand(self) -> str:
        """The end of a sentence that says what the user can do without a download."""

    @abstractmethod
    def fetch(self) -> None:
        """Downloads what is missing; it is called inside `fetching`, which turns a failure into a sentence."""

    @abstractmethod
    def load(self) -> P:
        """Reads every example; it is called when nothing is missing.

        Raises:
            UserError: a file is damaged; the message names it and says what is wrong with it.
        """

    # A kind of example may define these.

    def private(self, ids: Sequence[int], samples: Integers, labels: Integers) -> dict[str, Tensor]:
        """Returns `inputs`, `labels` and, for sentences, `mask` of the victims `ids`: the fields of `Victims`.

        Args:
            ids: numbers of V victims.
            samples: `[V, B]`, the examples that they hold.
            labels: `[V, B]`, the classes of these examples, or the drawn ones.
        """
        return {"inputs": self.pool.inputs(samples), "labels": torch.from_numpy(labels)}

    def adopt(self, make: Maker, head: str) -> TokenizerProtocol:
        """Takes over the model's tokeniser and head before `setup`; only examples that are tokens have this function.

        Args:
            make: maps a corpus to a tokeniser.
            head: `classification`, `masked` or `causal`.
        """
        raise NotImplementedError(f"{self.modality} are not made of tokens")

    # All inherit these.

    @property
    def title(self) -> str:
        """The name of the dataset in messages and tables."""
        return self.name

    def present(self) -> bool:
        """Whether every file is there; `load` checks if they are complete."""
        return not self.missing()

    def command(self) -> str:
        """The shell command that fetches the dataset."""
        return f"leakbench prepare {self.name}"

    def absent(self) -> str:
        """The message for a dataset that is not there."""
        return f"data '{self.title}' is not in {self.where()}; run: {self.command()}, or {self.by_hand()}"

    def prepare(self) -> None:
        """Downloads the dataset if it is not there; a host that does not answer is given up after seconds.

        Raises:
            UserError: the download failed; the message says how to put the files there by hand.
        """
        if self.missing():
            with fetching(self.title, self.by_hand()):
                self.fetch()

    def setup(self, stage: str | None = None) -> None:
        """Reads and checks the data, once.

        Args:
            stage: Lightning's; it makes no difference.

        Raises:
            UserError: the data are missing or damaged, labels leave the class range, or the label rule cannot be kept.
        """
        if self._pool is not None:
            return
        pool = self._read()
        check_classes(self.title, pool.labels, pool.classes)
        check_possible(
            self.title,
            pool.labels,
            pool.class_names,
            pool.classes,
            self.batch_size,
            self.label_rule,
            self.labels == "own",
            self.modality,
        )
        own = self.labels == "own" or self.label_rule == "replacement"
        self._dealer = Dealer(pool.labels, self.batch_size, self.seed, self.label_rule if own else "random")
        self._pool = pool

    def _read(self) -> P:
        try:
            if self.missing():
                raise UserError(self.absent())
            return self.load()
        except OSError as error:
            place = error.filename or self.where()
            raise UserError(f"data '{self.title}': {place}: {error.strerror or error}") from None

    @property
    def pool(self) -> P:
        """All examples of the dataset.

        Raises:
            RuntimeError: `setup()` has not been called.
        """
        if self._pool is None:
            raise RuntimeError("call setup() first")
        return self._pool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: `(C, H, W)` of an image, `(T,)` of a sentence, `(F,)` of a row."""
        return self.pool.shape

    @property
    def classes(self) -> int | None:
        """The number of classes of the full dataset; None if it has no labels (victims' labels are then all 0)."""
        return self.pool.classes

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """One name per class, or None if they are not known."""
        return self.pool.class_names

    @property
    def size_of_pool(self) -> int:
        """N, the number of examples."""
        return len(self.pool)

    @property
    def fingerprint(self) -> str:
        """A hex digest of all examples and labels; it does not depend on the number of victims, the seed or B."""
        return self.pool.fingerprint

    @property
    def provenance(self) -> dict[str, str]:
        """The origin of the examples, as far as it is known: `name` and `commit` on a hub, `sha256` of a file."""
        return {}

    @property
    def remark(self) -> str | None:
        """A sentence that says which examples of the dataset no victim can hold; None if there are none."""
        return None

    @property
    def set_aside(self) -> tuple[tuple[int, ...], ...]:
        """Examples as tokens that no victim ever holds, from which an attacker may learn; empty if there are none."""
        return ()

    @property
    def mean_image(self) -> Tensor | None:
        """`[C, H, W]` in [0, 1], the mean over the whole dataset; None if the examples have none."""
        return None

    def deal(self, ids: Sequence[int]) -> Victims:
        """Deals the victims `ids`; each is the same in every process, group and order.

        Args:
            ids: numbers of V victims, each >= 0.
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
            columns=self.columns,
            ids=torch.tensor([int(victim) for victim in ids], dtype=torch.int64),
            samples=torch.from_numpy(samples),
            repeats=torch.tensor([repeats for _, repeats in dealt], dtype=torch.int64),
        )

    def test_dataloader(self) -> Blocks:
        """Deals this process's share of the victims that are still to do, in blocks of at most `block`.

        Every process gets the same number of blocks, the last of them empty if necessary. Lightning skips a process
        without blocks, and the other processes would then wait for it when results are summed.
        """
        todo = range(self.victims) if self.todo is None else self.todo
        rank, world = self._place()
        most = len(share(todo, 0, world))
        return Blocks(self, share(todo, rank, world), self.block, count=-(-most // self.block))

    def _place(self) -> tuple[int, int]:
        """Returns `(rank, world size)` of this process."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return torch.distributed.get_rank(), torch.distributed.get_world_size()
        if self.trainer is not None:
            return self.trainer.global_rank, self.trainer.world_size
        return 0, 1
