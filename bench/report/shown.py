"""One cell for a terminal: its config, its scores, how its victims ended, and its images or its sentences."""

from collections.abc import Iterator
from typing import Any

import yaml
from rich.console import RenderableType
from rich.text import Text

from bench.messages.status import Status
from bench.report import figures, sentences
from bench.report.html.words import foreign_attack
from bench.report.rows import Row, came_from, read
from bench.results import query
from bench.results.stored_leak import StoredLeak
from bench.terminal.overview import overview, summary
from bench.terminal.pixels import half_blocks, smaller

_SIDE = 32  # pixels of an image in the terminal
# Parts of a config that say how the work was done, not what was attacked.
_PLACES = ("trainer", "executor", "logger", "report", "paths", "results", "suite", "names")


def document(cell: StoredLeak) -> dict[str, Any]:
    """The cell as the JSON document of `leakbench show --json`: its summary, its config, and how its victims ended."""
    row = read(cell, query.rows(cell))
    return row.summary | {
        "identity": cell.identity,
        "created": cell.created,
        "control": row.control,
        "statuses": row.statuses,
        "members": row.members,
        "provenance": row.provenance,
        "division": row.division.word,
        "division_reason": row.division.reason,
        "origin": row.origin,
        "config": cell.facts.get("config") or {},
    }


def parts(cell: StoredLeak, victims: int, width: int, drawn: bool) -> Iterator[RenderableType]:
    """What the terminal shows, in order.

    Args:
        cell: the cell.
        victims: how many victims are shown with their images or sentences.
        width: the columns of the terminal.
        drawn: whether the terminal shows half blocks.

    Yields:
        Tables and texts.
    """
    stored = query.rows(cell)
    row = read(cell, stored)
    yield overview(_facts(row))
    yield Text(yaml.safe_dump(_config(cell), sort_keys=False, width=width, default_flow_style=None).rstrip())
    yield summary(row.summary)
    for sentence in ended(row):
        yield Text(sentence)
    if spoken := sentences.sections([row]):
        yield Text("\n" + sentences.text(spoken))
        return
    images = query.images(cell, victims, stored)
    if not images:
        yield Text("no images are stored (report.images=0)")
    elif not drawn:
        yield Text(f"{len(images)} victims have images; a terminal with colours and UTF-8 shows them here")
    else:
        for one in images:
            for position in range(len(one.truth)):
                pair = [smaller(figures.pixels(each[position]), _SIDE) for each in (one.truth, one.guess)]
                if 2 * pair[0].shape[1] + 2 <= width:
                    batch = f", {position + 1} of {len(one.truth)}" if len(one.truth) > 1 else ""
                    yield Text(f"victim {one.victim}{batch}: truth, reconstruction")
                    yield half_blocks(pair)


def ended(row: Row) -> list[str]:
    """How the victims ended, in words: `6 victims: a stopping rule of the attack was met`."""
    known = {status.value: status.sentence for status in Status}
    out = [
        f"{count} {'victim' if count == 1 else 'victims'}: {known.get(word, word)}"
        for word, count in row.statuses.items()
    ]
    out += [f"{name}: the member whose claim was chosen for {count}" for name, count in row.members.items()]
    if row.stopped:
        out.append(f"the cell stopped: {row.stopped}")
    return out or ["no victim is done"]


def _facts(row: Row) -> dict[str, Any]:
    labels = row.cell.facts["labels"]
    facts = {name: labels[name] for name in ("attack", "threat", "data", "model", "defense")}
    provenance = {key: row.provenance[key] for key in ("seed", "commit", "torch", "leakbench", "device")}
    own = {"batch size": row.batch, "victims": row.summary["victims"], **provenance}
    known = row.cell.facts.get("attack")
    facts |= {"about the attack": foreign_attack(known) if known else None}
    standing = {"division": row.division.sentence, "origin": came_from(row), "paper": row.paper or None}
    return facts | own | {"identity": row.cell.identity, **standing, "results": str(row.cell.folder)}


def _config(cell: StoredLeak) -> dict[str, Any]:
    config = cell.facts.get("config") or {}
    return {key: value for key, value in config.items() if key not in _PLACES}
