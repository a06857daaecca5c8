"""What the datasets of torchvision share: files with a published checksum, in torchvision's layout."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torchvision.datasets.utils import check_integrity

from bench.datamodules.checks import check_word, given_path
from bench.datamodules.images import ImageDataModule
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class TorchvisionSet(ImageDataModule):
    """A dataset in torchvision's own layout under `root`, so that files put there by hand are found.

    Args:
        root: the folder that torchvision would be given as `root`.
        split: one of the official splits of the dataset (`splits`).
    """

    root: str
    split: str
    splits: ClassVar[tuple[str, ...]] = ("test", "train")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_word("data.split", self.split, self.splits)
        self._root = given_path("data.root", self.root, "the folder that datasets are kept in")

    @abstractmethod
    def folder(self) -> Path:
        """The folder that holds the files of the dataset."""

    @abstractmethod
    def files(self) -> dict[str, str | None]:
        """The files that `load` reads: {name in `folder()`: published MD5, or None if none is published}."""

    def where(self) -> str:
        """The path of `folder()`, whether it exists or not."""
        return str(self.folder())

    def missing(self) -> list[str]:
        """Returns those of `files()` that are not in `folder()`."""
        return [name for name in self.files() if not (self.folder() / name).is_file()]

    def by_hand(self) -> str:
        """The end of a sentence that says which files to put where."""
        return f"put {', '.join(self.files())} into {self.where()}"

    def check_whole(self) -> None:
        """Compares every file with its published checksum, before any pickle is opened.

        Raises:
            UserError: a file differs; the message names the first one.
        """
        for name, checksum in self.files().items():
            path = self.folder() / name
            if checksum is not None and not check_integrity(path, checksum):
                raise UserError(
                    f"{path}: is truncated or corrupt ({path.stat().st_size} bytes, MD5 differs from the published "
                    f"one); delete it and run: {self.command()}"
                )
