"""The key `paper` of a suite's file: figures of a paper, and which cells of the suite stand beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from bench.config import options
from bench.config.schema import check_as
from bench.config.suggest import did_you_mean
from bench.errors import UserError

# How a figure of a paper is known, and what that says. Only the figures of `QUOTED` are ever shown.
KNOWN = {
    "READ": "in the paper or its authors' own files",
    "DIGITISED": "measured off a figure of the paper, to a point or two",
    "FROM MEMORY": "nobody has looked the figure up, so it is not quoted",
    "NOT QUOTED": "nobody has looked the figure up, so it is not quoted",
}
QUOTED = ("READ", "DIGITISED")
UNQUOTED = "not quoted"
CELL_KEYS = ("data", "model", "weights", "defense", "threat", "B")  # by whose words cells are chosen


@dataclass(frozen=True)
class PaperItem:
    """A figure of a paper.

    Args:
        what: what it is of, in words.
        metric: the key of the measured figure, as in the columns of `leakbench table`; also `success_X` for any
            threshold X of the squared error, and `iterations`.
        figure: the paper's figure, in the unit of the metric; None if nobody has looked it up.
        known: a key of `KNOWN`.
        where: the table or the figure of the paper that has it.
        published: the attack that runs with the paper's settings here; None if the suite has none.
        best: the attack that measures best here; None if the suite has none.
        cells: `{key of CELL_KEYS: word}` by which both attacks' cells are chosen; `*` stands for any letters.
    """

    what: str
    metric: str
    figure: float | None
    known: Literal["READ", "DIGITISED", "FROM MEMORY", "NOT QUOTED"]
    where: str
    published: str | None
    best: str | None
    cells: dict[str, str | int] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The figure as it may be shown: in the paper's digits, or `not quoted`."""
        return f"{self.figure:g}" if self.figure is not None and self.known in QUOTED else UNQUOTED

    @property
    def source(self) -> str:
        """How the figure is known, and where it stands: `READ, Table 1`."""
        return f"{self.known if self.known in QUOTED else 'NOT QUOTED'}, {self.where}"


@dataclass(frozen=True)
class PaperSection:
    """The key `paper` of a suite.

    Args:
        source: the paper.
        items: its figures.
        notes: sentences on what differs from the paper.
    """

    source: str
    items: list[PaperItem]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Written:
    """The key as it is written: `cells` holds for every item, and an item may replace its words."""

    source: str
    items: list[dict[str, Any]]
    cells: dict[str, str | int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def section(content: Any, where: str) -> PaperSection:
    """The section that a suite's file holds.

    Args:
        content: the value of the key `paper`.
        where: the place of the value, with which a message begins.

    Raises:
        UserError: the value has no such form, or an item says a figure and that nobody knows it.
    """
    written: _Written = check_as(_Written, content, where)
    if not written.items:
        raise UserError(f"{where}: items: want at least one figure")
    items = [_item(one, written.cells, f"{where}: item {number}") for number, one in enumerate(written.items, 1)]
    return PaperSection(written.source, items, written.notes)


def of_file(path: Path) -> PaperSection | None:
    """The section of a suite's file; None if it has none.

    Raises:
        UserError: the file is not valid YAML, or its section has another form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}:{mark.line + 1 if mark else 1}: not valid YAML") from None
    found = content.get("paper") if isinstance(content, Mapping) else None
    return None if found is None else section(found, f"{path}: paper")


def of_suite(name: str, config_dir: Path | None = None) -> PaperSection | None:
    """The section of a suite; None if there is no such suite, or if it is about no paper.

    Args:
        name: the suite.
        config_dir: a folder with suites of the user's own.
    """
    entry = options.entries("suite", config_dir).get(name)
    return None if entry is None else of_file(entry.path)


def lines(found: PaperSection) -> list[list[str]]:
    """What a list of suites shows of it: per item its words, metric, figure, source, and the attacks beside it."""
    return [
        [one.what, one.metric, one.shown, one.source, one.published or "none", one.best or "none"]
        for one in found.items
    ]


def _item(content: dict[str, Any], common: Mapping[str, Any], where: str) -> PaperItem:
    item: PaperItem = check_as(PaperItem, {**content, "cells": {**common, **(content.get("cells") or {})}}, where)
    for key in item.cells:
        if key not in CELL_KEYS:
            near = did_you_mean(str(key), CELL_KEYS)
            raise UserError(f"{where}: cells: no key {key!r}{near} (there are {', '.join(CELL_KEYS)})")
    if item.known in QUOTED and item.figure is None:
        raise UserError(f"{where}: known: {item.known} wants the figure (or say NOT QUOTED)")
    if item.known == "NOT QUOTED" and item.figure is not None:
        raise UserError(f"{where}: figure={item.figure:g}: is not quoted: leave it null (or say READ or FROM MEMORY)")
    if item.published is None and item.best is None:
        raise UserError(f"{where}: name an attack as published, as best, or as both")
    return item
