"""The sentences that come with the package; nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass

from bench.datamodules.public_domain import FILE, packaged
from bench.datamodules.text_base import TextDataModule
from bench.datamodules.text_lines import Lines
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class Sentences(TextDataModule):
    """64 short sentences in the public domain, in two classes: half are from stories, half from essays and speeches."""

    def where(self) -> str:
        """The path of the file in the package."""
        return str(FILE)

    def missing(self) -> list[str]:
        """Returns the file's name if the installation is incomplete."""
        return [] if FILE.is_file() else [FILE.name]

    def absent(self) -> str:
        """The message for an incomplete installation; there is nothing to prepare."""
        return f"data '{self.title}' is not in {self.where()}; {self.by_hand()}"

    def by_hand(self) -> str:
        """The end of a sentence that says which package to install."""
        return "install leakbench again"

    def fetch(self) -> None:
        """Raises an error, since only installing the package brings the file.

        Raises:
            UserError: always.
        """
        raise UserError(self.absent())

    def read(self) -> Lines:
        """Reads the file of the package."""
        return packaged()
