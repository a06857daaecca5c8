"""Your own sentences: a text file with one a line, or a TSV with a label beside each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.datamodules.checks import check_integer, given_path
from bench.datamodules.regular import what_else
from bench.datamodules.text_base import TextDataModule
from bench.datamodules.text_lines import Lines, read_lines
from bench.errors import UserError
from bench.storage.hashing import sha256


@dataclass(eq=False, repr=False, kw_only=True)
class TextFile(TextDataModule):
    """`ROOT` is a `.tsv` whose header names `label` and `sentence`, or any other UTF-8 text with a sentence a line.

    A `.tsv` without a header has `label<TAB>sentence` a line, or CoLA's four columns (`bench.datamodules.text_table`).

    Args:
        root: the file.
        class_count: None counts the labels' classes (a file without labels has none: it serves language models); a
            number at least as large where the model should have more. With a number, a file without labels can be dealt
            with `labels=random`, or all as class 0.
    """

    root: str
    class_count: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_count is not None:
            check_integer("data.class_count", self.class_count, 1, "classes, or null to count the labels")
        self._root = given_path(
            "data.root", self.root, "a text file with a sentence a line, or a .tsv with columns label and sentence"
        )

    @property
    def title(self) -> str:
        """The file's own name: `cola.tsv (text_file)`."""
        return f"{self._root.resolve().name} ({self.name})"

    @property
    def provenance(self) -> dict[str, str]:
        """The file's name and hash."""
        return {"name": self._root.resolve().name, "sha256": sha256(self._root)}

    def where(self) -> str:
        """`root`."""
        return str(self._root)

    def missing(self) -> list[str]:
        """`root` where it is no file."""
        return [] if self._root.is_file() else [str(self._root)]

    def absent(self) -> str:
        """There is nothing to prepare, only a path to correct."""
        kind = what_else(self._root) if self._root.exists() else None
        what = "does not exist" if kind is None else f"is {kind}"
        return f"data.root={self._root}: {what}; {self.by_hand()}"

    def by_hand(self) -> str:
        """What `root` may be."""
        return "data.root must be a text file with a sentence a line, or a .tsv with columns label and sentence"

    def fetch(self) -> None:
        """Nothing can be fetched."""
        raise UserError(self.absent())

    def read(self) -> Lines:
        """Read the file."""
        lines = read_lines(self._root)
        if self.class_count is None:
            return lines
        if self.class_count < (lines.classes or 1):
            raise UserError(f"data.class_count={self.class_count}: {self._root} has {lines.classes} classes")
        return replace(lines, classes=self.class_count, class_names=None)
