"""Joins utility and leakage: each defence with every attack on it, its worst case, its rank, and what it costs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.modalities.lookup import modality_of
from bench.modalities.scale import Values
from bench.results import leaks, query
from bench.results.cell_setting import ADAPTIVE, config_of, contents, defense_of, plain, setting_of, victims_of
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.identification_result import identified
from bench.results.label_result import with_labels
from bench.results.leaks import LeakageScore
from bench.results.limit_result import limited
from bench.results.paired import sign_flip
from bench.results.query import Rows
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining
from bench.results.training_summary import summarise

LEVEL = 0.05  # the significance level of the paired test


def boards(
    cells: Sequence[StoredLeak],
    trainings: Sequence[StoredTraining],
    stored: Mapping[Path, Rows] | None = None,
    limits: Sequence[StoredLimits] = (),
    line_ups: Sequence[StoredIdentification] = (),
    label_cells: Sequence[StoredLabels] = (),
) -> list[DefenseBoard]:
    """Makes one board per data set and model on which more than one defence was tried.

    Args:
        cells: the attacked cells of a results folder.
        trainings: the trainings of the same folder.
        stored: the rows of the cells that have been read already, `{folder of a cell: its rows}`.
        limits: the cells of limits of the same folder.
        line_ups: the cells of line-ups of the same folder.
        label_cells: the cells of label inference of the same folder.
    """
    found, stored = [], stored or {}
    groups: dict[str, list[StoredLeak]] = {}
    for cell in cells:
        groups.setdefault(setting_of(cell, without=ADAPTIVE), []).append(cell)
    controls = [cell for cell in cells if cell.facts.get("control")]
    for group in groups.values():
        tried = [cell for cell in group if not cell.facts.get("control")]
        if len({defense_of(cell.facts) for cell in tried}) < 2:
            continue
        floor = _floor(controls, tried[0], stored)
        lines = _lines(tried, floor, stored)
        if len(lines) < 2:
            continue
        lines = identified(limited(lines, limits, tried[0]), line_ups, tried[0])
        lines = with_labels(lines, label_cells, tried[0])
        for setting in _settings(trainings, tried[0]) or [[]]:
            trained = [replace(line, utility=_utility(line, setting)) for line in lines]
            words = _words(setting[0]) if setting else None
            labels = tried[0].facts["labels"]
            board = DefenseBoard(
                data=labels["data"],
                model=labels["model"],
                threats=sorted({cell.facts["labels"]["threat"] for cell in tried}),
                batch=config_of(tried[0], "data").get("batch_size"),
                modality=modality_of(tried[0].facts),
                lines=ranked(trained),
                attacks=_attacks(lines),
                training=words,
                floored=bool(floor),
                controls=_scores_of(controls, tried[0], stored),
            )
            found.append(board)
    return found


def ranked(lines: Sequence[DefenseResult]) -> list[DefenseResult]:
    """Ranks defences by the score of their worst attack, the lowest first.

    A defence shares the rank of the one before it if a paired test, over the victims that both have, does not separate
    it from the first defence of that rank.
    """
    out: list[DefenseResult] = []
    leader: DefenseResult | None = None
    rank, last = 0, None
    for place, line in enumerate(sorted(lines, key=lambda line: (line.worst.mean, line.title)), 1):
        p = None if leader is None else paired(leader.worst, line.worst)
        if leader is None or (p is not None and p < LEVEL):
            leader, rank, last = line, place, p
        out.append(replace(line, rank=rank, p=last))
    return out


def paired(one: LeakageScore, other: LeakageScore) -> float | None:
    """The p-value of the difference over the victims that both have; None if they have no victim in common."""
    own, their = dict(zip(one.victims, one.score)), dict(zip(other.victims, other.score))
    common = sorted(own.keys() & their.keys())
    return sign_flip(np.array([own[v] - their[v] for v in common])) if common else None


def front(lines: Iterable[DefenseResult]) -> list[DefenseResult]:
    """The Pareto front: the defences with a utility that no other beats in both accuracy and leakage, by accuracy."""
    trained = [line for line in lines if line.utility and line.utility["accuracy"]]
    best: list[DefenseResult] = []
    for line in sorted(trained, key=lambda line: (-line.utility["accuracy"]["mean"], line.worst.mean)):  # type: ignore[index]
        if not best or line.worst.mean < best[-1].worst.mean:
            best.append(line)
    return best


def _floor(controls: Iterable[StoredLeak], like: StoredLeak, stored: Mapping[Path, Rows]) -> Values:
    """The values of the scale's control on the same victims; empty if the control was not run.

    Args:
        controls: the cells of all controls.
        like: a cell of the board.
        stored: the rows of the cells that have been read already.
    """
    kind = modality_of(like.facts)
    for cell in controls:
        if cell.facts["labels"]["attack"] == kind.scale.control and victims_of(cell) == victims_of(like):
            return leaks.values(stored.get(cell.folder) or query.rows(cell), kind.scale.column)
    return {}


def _scores_of(
    controls: Iterable[StoredLeak], like: StoredLeak, stored: Mapping[Path, Rows]
) -> dict[str, dict[int, float]]:
    """The scores of the controls on the same victims, without a lower bound; of one name the last cell counts."""
    alike = [cell for cell in controls if victims_of(cell) == victims_of(like)]
    found = {cell.facts["labels"]["attack"]: leaks.leak(cell, {}, stored.get(cell.folder)) for cell in alike}
    return {name: dict(zip(one.victims, one.score.tolist())) for name, one in found.items() if one is not None}


def _lines(cells: Sequence[StoredLeak], floor: Values, stored: Mapping[Path, Rows]) -> list[DefenseResult]:
    grouped: dict[str, list[StoredLeak]] = {}
    for cell in cells:
        grouped.setdefault(defense_of(cell.facts), []).append(cell)
    nodes = [(group[0].facts.get("config") or {}).get("defense") or {} for group in grouped.values()]
    names = [group[0].facts["labels"]["defense"] for group in grouped.values()]
    lines = []
    for group, name, node in zip(grouped.values(), names, nodes):
        family = name.partition(" (")[0]
        alike = [other for other, called in zip(nodes, names) if called.partition(" (")[0] == family]
        found: dict[str, LeakageScore | None] = {}
        reasons: dict[str, str] = {}
        doubled: list[str] = []
        for cell in group:
            attack, leak = cell.facts["labels"]["attack"], leaks.leak(cell, floor, stored.get(cell.folder))
            other = found.get(attack)
            if leak is None:
                reasons[attack] = _unserved(cell, stored.get(cell.folder))
            if leak and other:  # cells of one name, such as two versions of an attack: the worse one counts
                doubled.append(attack)
            if attack not in found or (leak and (other is None or leak.mean > other.mean)):
                found[attack] = leak
        unserved = {attack: reasons[attack] for attack, leak in found.items() if leak is None}
        if any(found.values()):
            strength = differing(node, alike)
            lines.append(
                DefenseResult(
                    name, node, family, strength, [leak for leak in found.values() if leak], unserved, tuple(doubled)
                )
            )
    return lines


def _unserved(cell: StoredLeak, rows: Rows | None) -> str:
    """Why an attack has no leakage."""
    if cell.failure:
        return cell.failure.reason
    if leaks.scored(cell, rows or query.rows(cell)):
        return "no victim is done"
    metrics = dict.fromkeys([leaks.scale_of(cell).column, leaks.scale_of(cell).recovered])
    return f"{' and '.join(metrics)} was not computed; leakbench rescore adds it"


def differing(node: Mapping[str, Any], alike: Sequence[Mapping[str, Any]]) -> str:
    """The settings in which a node differs from others of its family, in words.

    Args:
        node: the config of a defence.
        alike: the configs of all defences of its family.

    >>> differing({"std": 0.1, "seed": 0}, [{"std": 0.1, "seed": 0}, {"std": 1.0, "seed": 0}])
    'std 0.1'
    >>> differing({"std": None, "variance": 1.0}, [{"std": 1.0, "variance": None}, {"std": None, "variance": 1.0}])
    'variance 1'
    """
    keys = [key for key in node if len({plain(other.get(key)) for other in alike}) > 1]
    # If a strength can be given in two ways, this keeps the way in which it was given.
    keys = [key for key in keys if node[key] is not None] or keys
    return ", ".join(f"{key} {_number(node[key])}" for key in keys)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else plain(value)


def _attacks(lines: Sequence[DefenseResult]) -> list[str]:
    """The names of all attacks; the attack with the highest mean score over all defences comes first."""
    names = {leak.attack for line in lines for leak in line.leaks} | {name for line in lines for name in line.unserved}
    gets = {
        n: np.mean([leak.mean for line in lines for leak in line.leaks if leak.attack == n] or [0.0]) for n in names
    }
    return sorted(names, key=lambda name: (-gets[name], name))


def _settings(trainings: Sequence[StoredTraining], like: StoredLeak) -> list[list[StoredTraining]]:
    """The trainings on this data set, grouped by everything but the defence."""
    grouped: dict[str, list[StoredTraining]] = {}
    for training in trainings:
        if training.facts["labels"]["data"] == like.facts["labels"]["data"]:
            config = training.facts["config"]
            schedule = {**config["training"], "runs": None, "checkpoints": None}  # neither changes a number
            key = plain([config["model"], contents(training)["checkpoint"], schedule, config["seed"]])
            grouped.setdefault(key, []).append(training)
    return list(grouped.values())


def _utility(line: DefenseResult, setting: Sequence[StoredTraining]) -> dict[str, Any] | None:
    own = [training for training in setting if plain(training.facts["config"]["defense"]) == plain(line.node)]
    return summarise(own[0]) if own else None


def _words(training: StoredTraining) -> str:
    labels = training.facts["labels"]
    return f"{labels['model']}, {training.facts.get('schedule') or labels['training']}"
