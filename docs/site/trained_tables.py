"""Makes the table of trained networks in docs/label-inference.md from docs/labels_trained.csv.

    python docs/site/trained_tables.py labels_trained/labels.csv   # copies what is shown of this file into docs/ first
    python docs/site/trained_tables.py                             # writes the table into the page

The file is what `leakbench suite labels_trained` gave.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import label_tables
from made_tables import DOCS, Row, read, rewrite

from bench.config.display_names import without

MEASURED, PAGE = DOCS / "labels_trained.csv", DOCS / "label-inference.md"
BEGIN = "<!-- made by docs/site/trained_tables.py -->"
_OF_WEIGHTS = ("checkpoint", "per_victim")
_EPOCH = re.compile(r"checkpoint=epoch_(\d+)\.safetensors")


def tables(cells: Sequence[Row]) -> str:
    """The tables of `label_tables`, with the epoch in place of the weights' file."""
    named = []
    for cell in cells:
        found = _EPOCH.search(cell["model"])
        named.append({**cell, "model": f"{without(cell['model'], _OF_WEIGHTS)}, epoch {found[1]}"} if found else cell)
    return label_tables.tables(named)


def main(sources: Sequence[str] = ()) -> None:
    """Writes the table into the page, between the marks.

    Args:
        sources: nothing, or `labels.csv` of a results folder, which is copied first.
    """
    for source in sources:
        label_tables.keep(Path(source), MEASURED)
    rewrite(PAGE, BEGIN, tables(read(MEASURED)))


if __name__ == "__main__":
    main(sys.argv[1:])
