"""What the tables of measures without an attack share: a section per data set, and why a cell has no figure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.report.table import Page, Section
from bench.results.intervals import methods

# What is known of every cell, as the columns of a table for a program.
PLAIN = ("data", "model", "defense", "batch_size", "label_rule", "seed", "victims", "failures", "reused")

Summaries = Sequence[Mapping[str, Any]]


def page(title: str, found: Summaries, section: Callable[[str, Summaries], Section]) -> Page:
    """A section per data set.

    Args:
        title: of the page.
        found: of `bench.report.measured.summaries`.
        section: makes the section of a data set.
    """
    names = sorted({one["data"] for one in found})
    sections = [section(name, [one for one in found if one["data"] == name]) for name in names]
    return Page(title, sections, method=methods(errors=False))


def reasons(found: Summaries) -> list[str]:
    """Why a cell has no figure, each sentence once.

    Args:
        found: the cells of a section.
    """
    lines = [
        f"{one['defense']} on {one['model']}: {one['reasons']['cell']}" for one in found if "cell" in one["reasons"]
    ]
    return list(dict.fromkeys(lines))
