"""Sentences with labels in a table with tab-separated columns: which column is which, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError

LABEL, SENTENCE = ("label",), ("sentence", "text")  # allowed names of the columns in a header, in any case
WANTED = "a header that names the columns label and sentence (or text), or label<TAB>sentence per line without one"
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORDS = 5  # a label of this many words or more looks like a sentence
_OWN = 10  # in a table of this many rows or more, rows are expected to share labels

Row = tuple[int, list[str]]  # the line's number, from 1, and its cells


@dataclass(frozen=True)
class Columns:
    """The positions of the label and the sentence in a row, and the number of columns."""

    label: int
    sentence: int
    count: int


def read_table(path: Path, lines: Sequence[tuple[int, str]]) -> tuple[list[str], list[str]]:
    """Returns the sentences and labels of a table, in the order of its rows.

    The columns are those that the header names; other columns are ignored. Without a header there are two columns,
    label and sentence, or the four of CoLA's own files (source, label 0 or 1, the star of the source or nothing,
    sentence).

    Args:
        path: path of the file, for messages.
        lines: lines that are not empty, each with its number.

    Raises:
        UserError: the columns cannot be identified, a row has more or fewer, or they look exchanged without a header.
    """
    rows = [(number, [cell.strip() for cell in line.split("\t")]) for number, line in lines]
    if not rows:
        return [], []
    first = [(rows[0][0], cell) for cell in rows[0][1]]
    if any(cell.strip('"').lower() in (*LABEL, *SENTENCE) for _, cell in first):
        _refuse_quotes(path, first, ())
    columns = header(f"{path}:{rows[0][0]}", rows[0][1])
    body = rows if columns is None else rows[1:]
    found = columns or _without_header(path, body)
    for number, cells in body:
        if len(cells) != found.count:
            raise UserError(
                f"{path}:{number}: has {_columns(len(cells))}, and line {rows[0][0]} has {found.count}; {_want()}"
            )
        if not cells[found.label] or not cells[found.sentence]:
            empty = "sentence" if cells[found.label] else "label"
            raise UserError(f"{path}:{number}: has an empty {empty}; {_want()}")
    _refuse_quotes(
        path,
        [(number, cells[found.label]) for number, cells in body],
        [(number, cells[found.sentence]) for number, cells in body],
    )
    sentences, labels = [cells[found.sentence] for _, cells in body], [cells[found.label] for _, cells in body]
    if columns is None:
        _refuse_exchanged(path, sentences, labels)
    return sentences, labels


def header(place: str, cells: Sequence[str]) -> Columns | None:
    """Returns the columns that a first row names; None if it names none.

    Args:
        place: file and line of the row, for messages.
        cells: cells of the row.

    Raises:
        UserError: it names only the label or only the sentence, or one of them more than once.
    """
    names = [cell.strip().lower() for cell in cells]
    labels = [place for place, name in enumerate(names) if name in LABEL]
    sentences = [place for place, name in enumerate(names) if name in SENTENCE]
    if not labels and not sentences:
        return None
    if len(labels) != 1 or len(sentences) != 1:
        got = ", ".join(repr(cell.strip()[:30]) for cell in cells[:8])
        raise UserError(
            f"{place}: the header names {_named(len(labels), 'label')} and {_named(len(sentences), 'sentence')} "
            f"({got}); want one column label and one column sentence (or text)"
        )
    return Columns(labels[0], sentences[0], len(names))


def _named(count: int, what: str) -> str:
    return f"no column of {what}s" if count == 0 else f"{count} columns of {what}s" if count > 1 else f"one of {what}s"


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _want() -> str:
    return f"want {WANTED} (no .tsv: a sentence per line)"


def _without_header(path: Path, rows: Sequence[Row]) -> Columns:
    number, first = rows[0]
    if len(first) == 2:
        return Columns(0, 1, 2)
    if len(first) == 4 and all(
        len(cells) == 4 and cells[1] in ("0", "1") and cells[2] in ("", "*") for _, cells in rows
    ):
        return Columns(1, 3, 4)
    raise UserError(f"{path}:{number}: has {_columns(len(first))}, and no header says what they are; {_want()}")


def _refuse_quotes(path: Path, labels: Sequence[tuple[int, str]], sentences: Sequence[tuple[int, str]]) -> None:
    """Refuses a table whose labels or header, or all of whose sentences, are in quotation marks, as in CSV.

    Any other quotation mark is part of its sentence: such tables (GLUE's, say) are written without quoting.
    """
    marked = [number for number, cell in labels if _quoted(cell)]
    if not marked and len(sentences) > 1 and all(_quoted(cell) for _, cell in sentences):
        marked = [sentences[0][0]]
    if marked:
        raise UserError(
            f"{path}:{marked[0]}: cells stand in quotation marks, as in CSV; write the table without them (pandas: "
            "to_csv(sep='\\t', quoting=csv.QUOTE_NONE))"
        )


def _quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")


def _refuse_exchanged(path: Path, sentences: Sequence[str], labels: Sequence[str]) -> None:
    """Refuses columns without a header that are probably not labels and sentences."""
    numbers = [bool(_NUMBER.fullmatch(label)) for label in labels]
    words = [len(label.split()) for label in labels]
    reason = None
    if len(labels) > 1 and all(numbers[1:]) and not numbers[0]:
        reason = f"line 1 looks like a header, {labels[0]!r} and {sentences[0][:30]!r}, of columns that are not known"
    elif all(_NUMBER.fullmatch(sentence) for sentence in sentences):
        reason = f"the second column, of sentences, holds numbers only ({sentences[0]!r})"
    elif not all(numbers) and (
        sum(count >= _WORDS for count in words) * 2 > len(words)
        or sum(words) > sum(len(sentence.split()) for sentence in sentences)
    ):
        reason = f"the first column, of labels, holds sentences ({labels[0][:60]!r})"
    elif len(labels) >= _OWN and len(set(labels)) * 2 > len(labels):
        reason = f"the first column, of labels, has {len(set(labels))} different ones in {len(labels)} rows"
    if reason is not None:
        raise UserError(f"{path}: {reason}; {_want()}")
