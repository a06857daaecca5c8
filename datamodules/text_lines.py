"""Sentences in a file: one a line, or a label and a sentence with a tab between them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError

HEADER = ("label", "sentence")


@dataclass(frozen=True)
class Lines:
    """Sentences with their classes.

    Args:
        sentences: N of them, stripped, none of them empty.
        labels: N class indices; all 0 where `classes` is None.
        classes: how many; None without labels.
        class_names: one a class where the labels are words, in the words' order.
    """

    sentences: tuple[str, ...]
    labels: tuple[int, ...]
    classes: int | None
    class_names: tuple[str, ...] | None


def read_lines(path: Path) -> Lines:
    """A `.tsv` has `label<TAB>sentence` a line, with or without these words as a header; any other file a sentence.

    Labels that are whole numbers are class indices (at least two classes); others are names of classes. Empty lines are
    left aside.

    Raises:
        UserError: the file cannot be read as text, holds no sentence, or a line has no label; file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no UTF-8 text (byte {error.start})") from None
    lines = [(number, line.strip("\r")) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if path.suffix.lower() != ".tsv":
        sentences = tuple(line.strip() for _, line in lines)
        labels: Sequence[str] = ()
    else:
        if lines and tuple(lines[0][1].lower().split("\t")) == HEADER:
            del lines[0]
        pairs = [_pair(path, number, line) for number, line in lines]
        sentences, labels = tuple(sentence for _, sentence in pairs), [label for label, _ in pairs]
    if not sentences:
        raise UserError(f"{path}: holds no sentence; want a sentence a line, or in a .tsv label<TAB>sentence")
    return _lines(sentences, labels)


def _pair(path: Path, number: int, line: str) -> tuple[str, str]:
    label, tab, sentence = line.partition("\t")
    if not (tab and label.strip() and sentence.strip()) or "\t" in sentence:
        raise UserError(f"{path}:{number}: want label<TAB>sentence, got {line[:60]!r} (no .tsv: a sentence a line)")
    return label.strip(), sentence.strip()


def _lines(sentences: tuple[str, ...], labels: Sequence[str]) -> Lines:
    if not labels:
        return Lines(sentences, (0,) * len(sentences), None, None)
    if all(label.isascii() and label.isdigit() for label in labels):
        numbers = tuple(int(label) for label in labels)
        return Lines(sentences, numbers, max(2, max(numbers) + 1), None)
    names = tuple(sorted(set(labels)))
    return Lines(sentences, tuple(names.index(label) for label in labels), max(2, len(names)), names)


def write_lines(path: Path, sentences: Iterable[str], labels: Iterable[int] | None) -> None:
    """Writes what `read_lines` reads: aside first, then renamed, so a reader sees the whole file or none.

    Args:
        path: `.tsv` where there are labels.
        sentences: white space in them becomes single blanks.
        labels: one a sentence, or None.
    """
    flat = [" ".join(sentence.split()) for sentence in sentences]
    if labels is None:
        rows = flat
    else:
        rows = ["\t".join(HEADER), *(f"{label}\t{sentence}" for label, sentence in zip(labels, flat, strict=True))]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        os.replace(aside, path)
    finally:
        Path(aside).unlink(missing_ok=True)
