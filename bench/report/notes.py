"""The notes below a board: what a reader must know to compare its figures."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from bench.report import papers
from bench.report.division import CLOSED
from bench.report.html.words import foreign_attack
from bench.report.rows import Row
from bench.report.versions import mixed
from bench.results.intervals import COVERAGE, MARKS, methods
from bench.results.members import in_words


def notes(shown: list[Row], own: list[Row], used: Iterable[str]) -> list[str]:
    """What a reader must know to compare the figures, a sentence each.

    Args:
        shown: the rows of a board.
        own: those of its threat model, without the controls of others.
        used: the marks at its figures.
    """
    lines = [
        "Every figure is over samples, and every rate counts them all: a failed victim is no success.",
        methods(errors=any(row.modality.squared for row in shown)),
        COVERAGE,
        *(f"{mark} {MARKS[mark]}." for mark in used),
        *papers.foot([figure for row in shown for figure in papers.figures_of(row.cell.facts)]),
        *_grants(own),
        *_left_out(shown),
        *_metric_facts(shown),
        *_status_counts(shown),
        *_members(shown),
        *_remarks(shown),
    ]
    if any(row.repeated for row in shown):
        which = ", ".join(f"{row.name} ({row.repeated} of {row.summary['victims']})" for row in shown if row.repeated)
        what = shown[0].modality.name
        lines.append(f"{what.capitalize()} repeated (more victims than the data set fills with new {what}): {which}.")
    lines += [*mixed(shown), *_origins(shown), *_divisions(shown), *_own_attacks(shown)]
    if any("dirty" in (row.provenance["commit"] or "") for row in shown):
        lines.append("A commit marked dirty had changes that were not committed.")
    return lines


def _grants(own: list[Row]) -> list[str]:
    lines: list[str] = []
    for row in own:
        threat = row.cell.facts.get("threat") or {}
        grants = row.modality.relevant(threat.get("grants") or {})
        yes = ", ".join(key.replace("_", " ") for key, value in grants.items() if value is True)
        no = ", ".join(key.replace("_", " ") for key, value in grants.items() if value is False)
        other = ", ".join(f"{key.replace('_', ' ')}: {v}" for key, v in grants.items() if not isinstance(v, bool))
        line = f"Threat model {threat.get('letter', row.summary['threat'])} grants {yes or 'nothing'}"
        line += (f" ({other})" if other else "") + (f"; it does not grant {no}." if no else ".")
        if grants and line not in lines:
            lines.append(line)
    return lines


def _left_out(shown: list[Row]) -> list[str]:
    """What of a data set no victim can hold."""
    held = [(row.summary["data"], (row.cell.facts.get("data") or {}).get("remark")) for row in shown]
    return [f"{name}: {remark}." for name, remark in dict.fromkeys(held) if remark]


_UNPRINTED = ("column", "identity")  # facts of a metric that are for readers of the store


def _metric_facts(shown: list[Row]) -> list[str]:
    """One line a metric and setting; the data sets are named where not all share it."""
    used: dict[tuple[str, str], set[str]] = {}
    for row in shown:
        for key, facts in (row.cell.facts.get("metrics") or {}).items():
            known = {name: value for name, value in (facts or {}).items() if name not in _UNPRINTED}
            said = {name: value for name, value in known.items() if value is not None}
            text = ", ".join(f"{name} {_plain(value)}" for name, value in said.items())
            if text:
                used.setdefault((key, text), set()).add(row.summary["data"])
    variants = Counter(key for key, _ in used)
    return [
        f"{key}" + (f" on {', '.join(sorted(sets))}" if variants[key] > 1 else "") + f": {text}."
        for (key, text), sets in used.items()
    ]


def _origins(shown: list[Row]) -> list[str]:
    """Which rows were computed elsewhere, and whether some of their victims were attacked again here."""
    held: dict[str, list[str]] = {}
    for row in shown:
        if row.origin:
            held.setdefault(row.origin, []).append(row.name)
    return [f"Rows {word}: {', '.join(dict.fromkeys(names))}." for word, names in sorted(held.items())]


def _divisions(shown: list[Row]) -> list[str]:
    """Which rows are not in the closed division, and why; one line a reason."""
    held: dict[str, list[str]] = {}
    for row in shown:
        if row.division.word != CLOSED:
            held.setdefault(row.division.sentence, []).append(row.name)
    lines = [f"Division {what} ({', '.join(dict.fromkeys(names))})." for what, names in held.items()]
    words = "Closed division: an attack as leakbench ships it. Open division: anything else."
    return [words, *lines] if lines else []


def _own_attacks(shown: list[Row]) -> list[str]:
    """What the records say of attacks that are no part of leakbench."""
    known = {row.summary["attack"]: row.cell.facts["attack"] for row in shown if row.cell.facts.get("attack")}
    return [f"{name}: {foreign_attack(own)}" for name, own in known.items()]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _status_counts(shown: list[Row]) -> list[str]:
    total: Counter[str] = Counter()
    for row in shown:
        total.update(row.statuses)
    if not total:
        return []
    return ["Victims by how the work on them ended: " + ", ".join(f"{n} {word}" for word, n in total.items()) + "."]


def _members(shown: list[Row]) -> list[str]:
    """Whose claims the ensembles returned, one line a row."""
    return [
        f"{row.name}, {row.summary['defense']}: victims by the member whose claim the attacker chose: "
        f"{in_words(row.members)}."
        for row in shown
        if row.members
    ]


def _remarks(shown: list[Row]) -> list[str]:
    """Why an entry is missing or covers fewer samples; one line a reason, with the cells it holds for."""
    held: dict[str, list[str]] = {}
    for row in shown:
        for key, reason in row.summary["reasons"].items():
            if not row.empty:
                held.setdefault(f"{key}: {reason}", []).append(row.name)
    return [f"{what} ({', '.join(dict.fromkeys(names))})." for what, names in held.items()]
