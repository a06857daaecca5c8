"""The papers that a table rests on, as BibTeX: those of its attacks, defences, models, data sets and metrics.

`references.bib` beside this file holds the entries. An option is led to its entry by the arXiv number or the DOI in the
docstring of its file; a data set or a metric without one is named here.
"""

import ast
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import bench
from bench.report.table_rows import TableRow

_FILE = Path(__file__).with_name("references.bib")
_NUMBER = re.compile(r"\b(10\.\d{4,9}/[\w.()/-]*\w|\d{4}\.\d{4,5})\b")  # a DOI or an arXiv number
# What has no such number in its docstring, or more than one paper: the beginning of its name in the records.
_DATA = {
    "mnist": ["lecun1998gradient"],
    "cifar": ["krizhevsky2009learning"],
    "svhn": ["netzer2011reading"],
    "lfw": ["huang2007labeled"],
    "sst2": ["socher2013recursive"],
    "cola": ["warstadt2019neural"],
    "wikitext": ["merity2017pointer"],
    "rotten_tomatoes": ["pang2005seeing"],
    "table-breast_cancer": ["street1993nuclear"],
    "table-fair": ["fair1978theory"],
    "table-randhie": ["cameron2005microeconometrics"],
    "series-ItalyPowerDemand": ["keogh2006intelligent"],
    "series-JapaneseVowels": ["kudo1999multidimensional"],
    "series-BasicMotions": ["bagnall2018uea"],
}
_METRICS = {
    "ssim": ["wang2004image"],
    "lpips": ["zhang2018unreasonable"],
    "rouge": ["lin2004rouge"],
    "bleu": ["papineni2002bleu", "post2018call"],
}


@functools.cache
def entries() -> dict[str, str]:
    """Every entry by its key."""
    found = re.split(r"^(?=@)", _FILE.read_text(encoding="utf-8"), flags=re.M)
    return {re.match(r"@\w+\{([^,]+),", one)[1]: one.strip() + "\n" for one in found if one.startswith("@")}  # type: ignore[index]


@functools.cache
def _by_number() -> dict[str, str]:
    found = [(key, re.findall(r"(?:eprint|doi) = \{([^}]+)\}", entry)) for key, entry in entries().items()]
    return {number: key for key, numbers in found for number in numbers}


def keys_of(target: Any) -> list[str]:
    """The keys of the papers that the docstring of an option's file names, in its order.

    Args:
        target: the option's `_target_`; what is not of this package has no known papers.
    """
    path = _path(str(target or ""))
    if path is None:
        return []
    numbers = _NUMBER.findall(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
    return [_by_number()[number] for number in dict.fromkeys(numbers) if number in _by_number()]


def _path(target: str) -> Path | None:
    """The file of `bench.attacks.dlg.DLG`, without importing it."""
    room, _, rest = target.partition(".")
    if room != "bench":
        return None
    path = Path(bench.__file__).parent.joinpath(*rest.split(".")[:-1]).with_suffix(".py")
    return path if path.is_file() else None


def cited(rows: Iterable[TableRow]) -> dict[str, str]:
    """`{an attack's displayed name: the key of its paper}`, for the attacks with a known one."""
    found = {}
    for row in rows:
        keys = keys_of(_config(row, "attack").get("_target_"))
        if keys and not row.first.control:
            found[row.word("attack")] = keys[0]
    return found


def used(rows: Sequence[TableRow], columns: Iterable[str]) -> tuple[list[str], list[str]]:
    """The keys that a table uses, and the attacks of which no paper is known.

    Args:
        rows: of the table.
        columns: the keys of its columns.
    """
    found: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for row in rows:
        own = keys_of(_config(row, "attack").get("_target_"))
        if not own and not row.first.control:
            unknown[row.word("attack")] = None
        parts = [own, keys_of(_config(row, "defense").get("_target_")), keys_of(_config(row, "model").get("_target_"))]
        parts += [_named(row.word("data"), _DATA)]
        found |= dict.fromkeys(key for keys in parts for key in keys)
    for column in columns:
        found |= dict.fromkeys(_named(column, _METRICS))
    return list(found), list(unknown)


def text(keys: Iterable[str]) -> str:
    """The file with these entries."""
    return "\n".join(entries()[key] for key in keys)


def _named(word: str, known: Mapping[str, list[str]]) -> list[str]:
    """The keys of the first known name that `word`, or what follows its hyphen, begins with.

    >>> _named("samples-cifar10", _DATA)
    ['krizhevsky2009learning']
    """
    name = word.removeprefix("samples-").removeprefix("samples/")
    return next((keys for beginning, keys in known.items() if name.startswith(beginning)), [])


def _config(row: TableRow, group: str) -> Mapping[str, Any]:
    return (row.first.cell.facts.get("config") or {}).get(group) or {}
