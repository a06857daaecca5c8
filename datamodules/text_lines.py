"""Sentences in a file: one per line, or in a table with their labels."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datamodules.regular import check_regular
from bench.datamodules.text_table import LABEL, SENTENCE, WANTED, header, read_table
from bench.errors import UserError
from bench.host.capacity import require_memory

_TABLES = (".csv", ".json", ".jsonl", ".xlsx", ".parquet", ".arrow")  # none of these has a sentence per line
_READING = 16  # bytes of memory per byte of text: four per letter in text, lines, cells and sentences
_DIGITS = 5  # the most digits of a class index, since each class is a row of the model's last layer


@dataclass(frozen=True)
class Lines:
    """Sentences with their classes.

    Args:
        sentences: N sentences, stripped, none of them empty.
        labels: N class indices; all 0 if `classes` is None.
        classes: number of classes; None if there are no labels.
        class_names: one name per class if the labels are words, in alphabetical order.
    """

    sentences: tuple[str, ...]
    labels: tuple[int, ...]
    classes: int | None
    class_names: tuple[str, ...] | None


def read_lines(path: Path) -> Lines:
    """Reads a `.tsv` table (`bench.datamodules.text_table`), or a file with a sentence per line.

    Labels that are whole numbers are class indices (at least two classes); others are names of classes. Empty lines and
    a byte-order mark are ignored.

    Raises:
        UserError: the file is not a regular one, cannot be read as text, holds no sentence, or has a line that is not
            understood; the message names the file and the line.
    """
    check_regular(path)
    lines = [(number, line) for number, line in enumerate(_text(path).split("\n"), 1) if line.strip()]
    ending = path.suffix.lower()
    labels: Sequence[str] = ()
    if ending == ".tsv":
        sentences, labels = read_table(path, lines)
    elif ending in _TABLES:
        raise UserError(f"{path}: want a .tsv, or a text file with a sentence per line; a {ending} is not read")
    elif lines and "\t" in lines[0][1] and _is_header(path, lines[0][1]):
        raise UserError(f"{path}: looks like a table of labels and sentences; give it a name that ends in .tsv")
    else:
        sentences = [line.strip() for _, line in lines]
    if not sentences:
        raise UserError(f"{path}: holds no sentence; want a sentence per line, or in a .tsv {WANTED}")
    return _lines(path, tuple(sentences), labels)


def _text(path: Path) -> str:
    require_memory(_READING * path.stat().st_size, f"the sentences in {path}", "name a smaller file")
    try:
        text = path.read_text(encoding="utf-8-sig")  # without a byte-order mark
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no UTF-8 text (byte {error.start})") from None
    if "\0" in text:
        raise UserError(f"{path}: is no UTF-8 text (it holds null bytes, as UTF-16 does)")
    return text


def _is_header(path: Path, line: str) -> bool:
    try:
        return header(str(path), line.split("\t")) is not None
    except UserError:
        return False


def _lines(path: Path, sentences: tuple[str, ...], labels: Sequence[str]) -> Lines:
    if not labels:
        return Lines(sentences, (0,) * len(sentences), None, None)
    if all(label.isascii() and label.isdigit() for label in labels):
        longest = max(labels, key=lambda label: len(label.lstrip("0")))
        if len(longest.lstrip("0")) > _DIGITS:
            raise UserError(
                f"{path}: label {longest[:30]} is the index of a class, and there are {10**_DIGITS:,} classes at most"
            )
        numbers = tuple(int(label) for label in labels)
        return Lines(sentences, numbers, max(2, max(numbers) + 1), None)
    names = tuple(sorted(set(labels)))
    places = {name: place for place, name in enumerate(names)}
    return Lines(sentences, tuple(places[label] for label in labels), max(2, len(names)), names)


def write_lines(path: Path, sentences: Iterable[str], labels: Iterable[int] | None) -> None:
    """Writes a file that `read_lines` can read, as `write_text` does.

    Args:
        path: must end in `.tsv` if there are labels.
        sentences: white space in them becomes single blanks.
        labels: one per sentence, or None.
    """
    flat = [" ".join(sentence.split()) for sentence in sentences]
    if labels is None:
        rows = flat
    else:
        rows = [
            f"{LABEL[0]}\t{SENTENCE[0]}",
            *(f"{label}\t{sentence}" for label, sentence in zip(labels, flat, strict=True)),
        ]
    write_text(path, "\n".join(rows) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a temporary file and renames it, so that a reader sees the whole file or none; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        os.replace(aside, path)
    finally:
        Path(aside).unlink(missing_ok=True)
