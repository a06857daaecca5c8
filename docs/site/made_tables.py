"""What the scripts that make tables of the docs share: CSV files in, Markdown between two marks of a page out."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
END = "<!-- end -->"

Row = dict[str, str]


def read(file: Path) -> list[Row]:
    """The rows of a CSV file, in its order."""
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def write(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Writes these columns of the rows as a CSV file; other columns are left out."""
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def line(*entries: str) -> str:
    """A line of a Markdown table.

    >>> line("a", "b")
    '| a | b |'
    """
    return f"| {' | '.join(entries)} |"


def between(page: str, begin: str, text: str) -> str:
    """The page with the text in place of what stands between the mark `begin` and the next `END`.

    >>> between("a <!-- x --> old <!-- end --> b", "<!-- x -->", "new")
    'a <!-- x -->\\n\\nnew\\n\\n<!-- end --> b'
    """
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{END}{rest.partition(END)[2]}"


def rewrite(page: Path, begin: str, text: str) -> None:
    """Writes the text into the page, in place of what stands between the mark `begin` and the next `END`."""
    page.write_text(between(page.read_text(), begin, text))
