"""The page as text: one HTML file with its scripts, styles and data in it, which loads nothing from anywhere.

Every word of the results is escaped: by Jinja2 in the markup, and in the data as JSON without a `<`, so that no name
can end the block that it stands in. The Content-Security-Policy allows the page's own scripts and styles by their
hashes, pictures from the page itself, and nothing else.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report.html.data import PageData
from bench.report.html.words import ARXIV
from bench.report.table import Link, Missing, Name, Page, Table, Value
from bench.terminal.printable import visible, visible_lines

_HERE = Path(__file__).parent
_LIBRARIES = ("dataTables-3.1.5.min.js", "uPlot-1.6.32.min.js")
# The page's own script, in the order in which its files are joined.
_SCRIPTS = (
    "dom.js",
    "state.js",
    "help.js",
    "random.js",
    "paired.js",
    "export.js",
    "board.js",
    "filters.js",
    "viewer.js",
    "sentences.js",
    "curve.js",
    "cell.js",
    "compare.js",
    "tradeoff.js",
    "main.js",
)
_STYLES = ("tokens.css", "page.css", "cell.css")
# Runs before anything is drawn, so that the boards appear once, in the form that the script gives them.
_EARLY = "document.documentElement.classList.add('js');"
_NO_TEXT = {float, int, bool, type(None)}
_WIDE = 100  # of the drawing of an interval


@dataclass(frozen=True)
class PlainTables:
    """Tables that the page shows as they are, below its boards.

    Args:
        heading: stands before the title of each section.
        about: what the tables have, in a sentence or two.
        page: the tables.
    """

    heading: str
    about: str
    page: Page


def render(data: PageData, defences: Sequence[Mapping[str, Any]], below: Sequence[PlainTables] = ()) -> str:
    """The page.

    Args:
        data: see `bench.report.html.data.collect`.
        defences: see `bench.report.html.tradeoff.tradeoffs`.
        below: further tables, such as those of label inference (`bench.report.labels.page`).
    """
    libraries = [_text(f"vendor/{name}") for name in _LIBRARIES]
    script = "(function () {\n'use strict';\n" + "\n".join(_text(f"page/{name}") for name in _SCRIPTS) + "\n})();"
    style = "\n".join([_text("vendor/uPlot-1.6.32.min.css"), styles(*_STYLES)])
    scripts = [*libraries, script]
    policy = (
        f"default-src 'none'; script-src {' '.join(map(hashed, [_EARLY, *scripts]))}; style-src {hashed(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    plots = {each["id"]: each["plot"] for each in defences if each["plot"]}
    return (
        environment()
        .get_template("template.html.j2")
        .render(
            data=data,
            defences=defences,
            below=below,
            style=Markup(style),
            early=Markup(_EARLY),
            scripts=[Markup(each) for each in scripts],
            policy=policy,
            index=block({"boards": data.boards, "cells": data.cells, "plots": plots, "test": data.test}),
            details={identity: block(detail) for identity, detail in data.details.items()},
            truths=block(data.truths),
        )
    )


def block(value: Any) -> Markup:
    """A value as JSON for a `<script type="application/json">`; no text in it can end the block.

    >>> print(block({"name": "</script><!--"}))
    {"name":"\\u003c/script>\\u003c!--"}
    """
    text = json.dumps(_readable(value), separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _readable(value: Any) -> Any:
    """A value whose texts show every character (see `bench.terminal.printable.visible`)."""
    if isinstance(value, str):
        return value if value.isprintable() else visible_lines(value)
    if isinstance(value, Mapping):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if not isinstance(value, list | tuple) or set(map(type, value)) <= _NO_TEXT:  # one list has a million numbers
        return value
    return [_readable(item) for item in value]


@functools.cache
def environment(folder: Path = _HERE) -> Environment:
    """Templates of a folder, in which every word is escaped, and every character shows.

    Args:
        folder: of the templates.
    """
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters |= {"printed": printed, "at": _at, "linked": linked}
    environment.globals |= {"wide": _WIDE, "shown": _shown}
    return environment


def _shown(table: Table) -> list[int]:
    """The places of the columns that a page shows."""
    return [place for place, column in enumerate(table.columns) if column.title and not column.linked]


def printed(cell: Any) -> dict[str, Any]:
    """A cell of a table for the template: its `text`, what stands `below` it, and its `order` among others."""
    match cell:
        case Value():
            below = cell.interval(" to ") or ""
            return {"text": cell.figure + cell.marks + cell.note, "below": below, "order": cell.mean}
        case Missing():
            return {"text": "n/a", "below": cell.reason if cell.inline else "", "order": "", "reason": cell.reason}
        case Name():
            return {"text": cell.text, "below": "control" if cell.control else "", "order": cell.text}
        case Link():
            return {"text": cell.words, "below": "", "order": cell.words}
        case None:
            return {"text": "n/a", "below": "", "order": ""}
        case _:
            return {"text": str(cell), "below": "", "order": cell}


def linked(text: str) -> Markup:
    """A text in which the number of a paper on arXiv leads to the paper.

    >>> print(linked("0.83 (2001.02610 <1>)"))
    0.83 (<a href="https://arxiv.org/abs/2001.02610" rel="noreferrer">2001.02610</a> &lt;1&gt;)
    """
    parts = ARXIV.split(visible(text))  # every second part is a number
    link = Markup('<a href="https://arxiv.org/abs/{0}" rel="noreferrer">{0}</a>')
    return Markup("").join(link.format(part) if place % 2 else part for place, part in enumerate(parts))


def _at(share: float | None) -> str:
    """A share in [0, 1] as a place in the drawing of an interval."""
    return f"{_WIDE * min(1.0, max(0.0, share or 0.0)):.1f}"


@functools.cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def styles(*names: str) -> str:
    """Style sheets of `page/` as one text."""
    return "\n".join(_text(f"page/{name}") for name in names)


def hashed(text: str) -> str:
    """A script or a style sheet as a source that a Content-Security-Policy allows."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
