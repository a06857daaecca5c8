"""Which rows of a board come from other versions of leakbench, of an option or of a metric: none mix silently."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.rows import Row

_OPTIONS = ("attack", "data", "model", "defense", "threat")


def mixed(rows: Sequence[Row]) -> list[str]:
    """A sentence for each thing of which the rows hold several versions; none if all rows have the same.

    Args:
        rows: of one board.
    """
    lines = [
        _sentence("Rows were computed with several versions of leakbench", found)
        for found in [_by_leakbench(rows)]
        if len(found) > 1
    ]
    for (group, name), found in _by_option(rows).items():
        if len(found) > 1:
            lines.append(_sentence(f"Rows have several versions of {_word(group)} {name}", found))
    for key, found in _by_metric(rows).items():
        if len(found) > 1:
            what = f"{key} was computed in {len(found)} ways (other settings or another version of the metric)"
            lines.append(_sentence(what, found))
    return lines


def _by_leakbench(rows: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.summary["victims"]:  # a cell without victims has computed nothing
            found.setdefault(row.provenance["leakbench"] or "not recorded", []).append(row.name)
    return found


def _by_option(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, list[str]]]:
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in rows:
        config: Mapping[str, Any] = row.cell.facts.get("config") or {}
        for group in _OPTIONS:
            name = str((config.get("names") or {}).get(group) or "").partition(" (")[0]
            node = config.get(group)
            version = node.get("version") if isinstance(node, Mapping) else None
            if name and version is not None:
                found.setdefault((group, name), {}).setdefault(f"version {version}", []).append(row.name)
    return found


def _by_metric(rows: Sequence[Row]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for key, facts in (row.cell.facts.get("metrics") or {}).items():
            identity = (facts or {}).get("identity")
            if identity is not None and row.summary["victims"]:
                found.setdefault(key, {}).setdefault(f"identity {str(identity)[:8]}", []).append(row.name)
    return found


def _sentence(what: str, found: Mapping[str, Sequence[str]]) -> str:
    """The versions with the most rows last, which the reader takes as the rule; the others name their rows."""
    ordered = sorted(found, key=lambda version: (len(found[version]), version))
    said = [f"{version} in {', '.join(dict.fromkeys(found[version]))}" for version in ordered[:-1]]
    return f"{what}, so compare them with care: {'; '.join(said)}; {ordered[-1]} in the others."


def _word(group: str) -> str:
    return {"defense": "defence", "threat": "threat model"}.get(group, group)
