"""What the sets of sentences from the Hugging Face hub have in common: fetched once, kept as a plain file."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.errors import UserError
from datamodules.checks import check_word, given_path
from datamodules.fetch import probe
from datamodules.text_base import TextDataModule
from datamodules.text_lines import Lines, read_lines, write_lines


@dataclass(eq=False, repr=False, kw_only=True)
class HubText(TextDataModule):
    """One split, kept as `ROOT/NAME/SPLIT.tsv` (or `.txt` without labels): a file put there by hand is found as well.

    Args:
        root: the folder that datasets are kept in.
        split: which of the dataset's splits with public labels (one of `splits`).
    """

    root: str
    split: str
    hub: ClassVar[str]
    subset: ClassVar[str | None]
    folder: ClassVar[str]
    splits: ClassVar[tuple[str, ...]]
    ending: ClassVar[str] = ".tsv"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_word("data.split", self.split, self.splits)
        self._root = given_path("data.root", self.root, "the folder that datasets are kept in")

    @abstractmethod
    def lines_of(self, table: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[int] | None]:
        """Sentences, and labels if there are any, from the split's columns."""

    @property
    def file(self) -> Path:
        """The split's file."""
        return self._root / self.folder / f"{self.split}{self.ending}"

    def where(self) -> str:
        """The folder of the split's file."""
        return str(self.file.parent)

    def missing(self) -> list[str]:
        """The split's file where it is not there."""
        return [] if self.file.is_file() else [self.file.name]

    def by_hand(self) -> str:
        """Which file to put where, or how to name one anywhere."""
        what = "label<TAB>sentence a line" if self.ending == ".tsv" else "a sentence a line"
        place = f"put {self.file.name} ({what}) into {self.where()}"
        return f"{place}, or name any such file: data=text_file data.root=PATH"

    def fetch(self) -> None:
        """Download the split through Hugging Face datasets and write the file."""
        try:
            from datasets import load_dataset
            from huggingface_hub import constants
        except ImportError:
            raise UserError(
                f"data '{self.title}' is fetched with the package datasets: pip install 'leakbench[text]'; "
                f"or {self.by_hand()}"
            ) from None
        if not Path(self.hub).is_dir():
            probe(constants.ENDPOINT)
        with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
            table = load_dataset(self.hub, self.subset, split=self.split, cache_dir=scratch)
            sentences, labels = self.lines_of({name: list(table[name]) for name in table.column_names})
        write_lines(self.file, sentences, labels)

    def read(self) -> Lines:
        """Read the file."""
        return read_lines(self.file)
