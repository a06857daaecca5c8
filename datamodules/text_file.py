"""Your own sentences: a text file with one sentence per line, or a TSV with labels."""

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
    """`ROOT` is a `.tsv` whose header names `label` and `sentence`, or any other UTF-8 text with one sentence per line.

    A `.tsv` without a header has lines `label<TAB>sentence`, or CoLA's four columns (`bench.datamodules.text_table`).

    Args:
        root: the file.
        class_count: None counts the classes of the labels (a file without labels has none, and serves language models).
            A larger number gives the model more classes. With a number, a file without labels can be dealt with
            `labels=random`, or with class 0 for all.
    """

    root: str
    class_count: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_count is not None:
            check_integer("data.class_count", self.class_count, 1, "classes, or null to count the labels")
        self._root = given_path(
            "data.root", self.root, "a text file with a sentence per line, or a .tsv with columns label and sentence"
        )

    @property
    def title(self) -> str:
        """The name of the file itself, such as `cola.tsv (text_file)`."""
        return f"{self._root.resolve().name} ({self.name})"

    @property
    def provenance(self) -> dict[str, str]:
        """The name and the SHA-256 hash of the file."""
        return {"name": self._root.resolve().name, "sha256": sha256(self._root)}

    def where(self) -> str:
        """The configured path `root`."""
        return str(self._root)

    def missing(self) -> list[str]:
        """Returns `root` if it is not a file."""
        return [] if self._root.is_file() else [str(self._root)]

    def absent(self) -> str:
        """The message for a path that is not a file; there is nothing to prepare."""
        kind = what_else(self._root) if self._root.exists() else None
        what = "does not exist" if kind is None else f"is {kind}"
        return f"data.root={self._root}: {what}; {self.by_hand()}"

    def by_hand(self) -> str:
        """The end of a sentence that says what `root` may be."""
        return "data.root must be a text file with a sentence per line, or a .tsv with columns label and sentence"

    def fetch(self) -> None:
        """Raises an error, since nothing can be fetched.

        Raises:
            UserError: always.
        """
        raise UserError(self.absent())

    def read(self) -> Lines:
        """Reads the sentences of the file.

        Raises:
            UserError: the file is damaged, or has more classes than `class_count`.
        """
        lines = read_lines(self._root)
        if self.class_count is None:
            return lines
        if self.class_count < (lines.classes or 1):
            raise UserError(f"data.class_count={self.class_count}: {self._root} has {lines.classes} classes")
        return replace(lines, classes=self.class_count, class_names=None)
