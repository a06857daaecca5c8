"""What the sets of sentences from the Hugging Face hub share: they are downloaded once, and kept as a plain file."""

from __future__ import annotations

import json
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.datamodules.checks import check_word, given_path
from bench.datamodules.text_base import TextDataModule
from bench.datamodules.text_lines import Lines, read_lines, write_lines, write_text
from bench.download.http import probe
from bench.errors import UserError
from bench.storage.hashing import sha256


@dataclass(eq=False, repr=False, kw_only=True)
class HubText(TextDataModule):
    """One split, kept as `ROOT/NAME/SPLIT.tsv` (or `.txt` without labels); a file put there by hand is found as well.

    The split is downloaded at one commit of the hub, the `revision` of the class, whatever the hub has later. The file
    `SPLIT.source.json` beside it records the commit and the hash of the split. If the hash differs later, the split
    counts as put there by hand.

    Args:
        root: the folder for datasets.
        split: one of the dataset's splits with public labels (`splits`).
    """

    root: str
    split: str
    hub: ClassVar[str]
    revision: ClassVar[str]
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
        """Returns the sentences, and the labels if there are any, of the split's columns."""

    @property
    def file(self) -> Path:
        """The path of the file of this split."""
        return self._root / self.folder / f"{self.split}{self.ending}"

    def where(self) -> str:
        """The folder of the file of this split."""
        return str(self.file.parent)

    def missing(self) -> list[str]:
        """Returns the name of the split's file if it is not there."""
        return [] if self.file.is_file() else [self.file.name]

    def by_hand(self) -> str:
        """The end of a sentence that says which file to put where, or how to name one elsewhere."""
        what = "label<TAB>sentence per line" if self.ending == ".tsv" else "a sentence per line"
        place = f"put {self.file.name} ({what}) into {self.where()}"
        return f"{place}, or name any such file: data=text_file data.root=PATH"

    def fetch(self) -> None:
        """Downloads the split through Hugging Face datasets and writes the file.

        Raises:
            UserError: the package datasets is not installed.
        """
        try:
            from datasets import load_dataset
            from huggingface_hub import constants
        except ImportError:
            raise UserError(
                f"data '{self.title}' is fetched with the package datasets: pip install 'leakbench[text]'; "
                f"or {self.by_hand()}"
            ) from None
        local = Path(self.hub).is_dir()
        if not local:
            probe(constants.ENDPOINT)
        pinned = None if local else self.revision
        with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
            table = load_dataset(self.hub, self.subset, split=self.split, cache_dir=scratch, revision=pinned)
            sentences, labels = self.lines_of({name: list(table[name]) for name in table.column_names})
        write_lines(self.file, sentences, labels)
        self._note(pinned)

    @property
    def provenance(self) -> dict[str, str]:
        """The hash of the file; also repository and commit, if it is the file that was downloaded."""
        own = {"sha256": sha256(self.file)}
        if not self._beside.is_file():
            return own
        try:
            noted = json.loads(self._beside.read_text(encoding="utf-8"))
            if noted["sha256"] == own["sha256"]:
                return {"name": str(noted["name"]), "commit": str(noted["commit"]), **own}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return own

    @property
    def _beside(self) -> Path:
        return self.file.with_suffix(".source.json")

    def _note(self, commit: str | None) -> None:
        """Records beside the file where it was downloaded; nothing is recorded for a folder in place of the hub."""
        self._beside.unlink(missing_ok=True)
        if commit is not None:
            noted = {"name": self.hub, "subset": self.subset, "commit": commit, "sha256": sha256(self.file)}
            write_text(self._beside, json.dumps(noted, indent=1) + "\n")

    def read(self) -> Lines:
        """Reads the file of this split."""
        return read_lines(self.file)
