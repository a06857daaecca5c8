"""The sentences that come with the package: nothing to download."""

from __future__ import annotations

from dataclasses import dataclass

from bench.datamodules.public_domain import FILE, packaged
from bench.datamodules.text_base import TextDataModule
from bench.datamodules.text_lines import Lines
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class Sentences(TextDataModule):
    """64 short sentences in the public domain, half of them of stories, half of essays and speeches: two classes."""

    def where(self) -> str:
        """The file in the package."""
        return str(FILE)

    def missing(self) -> list[str]:
        """The file, where the installation is incomplete."""
        return [] if FILE.is_file() else [FILE.name]

    def absent(self) -> str:
        """Not a dataset to prepare but a package to install."""
        return f"data '{self.title}' is not in {self.where()}; {self.by_hand()}"

    def by_hand(self) -> str:
        """The package to install."""
        return "install leakbench again"

    def fetch(self) -> None:
        """Nothing can be fetched but by installing the package."""
        raise UserError(self.absent())

    def read(self) -> Lines:
        """Read the file."""
        return packaged()
