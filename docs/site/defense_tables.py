"""Makes the board, the claims and the pictures of docs/defenses.md from the results of `leakbench suite defenses`.

    python docs/site/defense_tables.py RESULTS

The tables are those of RESULTS/defenses.md. The board has the columns that a page has room for, and the pictures have
the defences whose strengths a reader compares.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from made_tables import DOCS, line, rewrite

from bench.report.strengths import strengths
from bench.results import query
from bench.results.defense_result import DefenseBoard
from bench.results.join import boards

PAGE = DOCS / "defenses.md"
BOARD, CLAIMS = (f"<!-- made by docs/site/defense_tables.py: {name} -->" for name in ("board", "claims"))
COLUMNS = (
    "rank", "defence", "worst attack", "leak", "worst case", "strongest", "inverting_gradients_masked", "dlg",
    "label leak", "unbiased limit", "accuracy", "sent", "ε, training", "picked out",
)  # fmt: skip
PICTURES = {
    "strengths.png": (
        "inverting_gradients_masked",
        ("none", "bfloat16", "dgc", "dp_sgd", "float16", "gaussian", "int8", "pruning"),
    ),
    "strongest.png": ("strongest", ("none", "float16", "gaussian")),
}


def tables(page: str) -> list[list[list[str]]]:
    """The Markdown tables of a page: of each its lines, and of each line its entries.

    >>> tables("words\\n| a | b |\\n| :-- | --: |\\n| 1 | x \\\\| y |\\n\\n| c |")
    [[['a', 'b'], [':--', '--:'], ['1', 'x \\\\| y']], [['c']]]
    """
    found: list[list[list[str]]] = [[]]
    for words in page.splitlines():
        if words.startswith("| "):
            entries = words.strip().removeprefix("| ").removesuffix(" |").replace("\\|", "\0").split(" | ")
            found[-1].append([entry.replace("\0", "\\|") for entry in entries])
        elif found[-1]:
            found.append([])
    return [one for one in found if one]


def chosen(table: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    """The table with these columns alone, in their order.

    Args:
        table: its lines.
        columns: the beginnings of their heads: up to a comma, a unit or an arrow.
    """
    heads = [head.replace("\\", "") for head in table[0]]
    places = [next(at for at, head in enumerate(heads) if _named(head, column)) for column in columns]
    return "\n".join(line(*(row[at] for at in places)) for row in table)


def _named(head: str, column: str) -> bool:
    return head == column or head.startswith((f"{column}, ", f"{column} (", f"{column} ↓"))


def pictures(defended: DefenseBoard) -> dict[str, bytes]:
    """The reconstructions of two attacks over some of the defences: `{name of the file: PNG}`."""
    made = {}
    for name, (attack, families) in PICTURES.items():
        lines = [one for one in defended.lines if one.family in families]
        content = strengths(replace(defended, lines=lines), attack)
        if content is not None:
            made[name] = content
    return made


def main(root: Path) -> None:
    """Writes both tables into the page, and the pictures beside it.

    Args:
        root: the results folder.
    """
    ranked, claims = tables((root / "defenses.md").read_text())[:2]
    rewrite(PAGE, BOARD, chosen(ranked, COLUMNS))
    rewrite(PAGE, CLAIMS, chosen(claims, claims[0]))
    (defended,) = boards(query.cells(root).cells, [])
    for name, content in pictures(defended).items():
        (PAGE.parent / name).write_bytes(content)
    shutil.copy(next(root.glob("pareto-*.png")), PAGE.parent / "pareto.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
