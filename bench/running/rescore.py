"""Scores stored reconstructions with the metrics that a cell lacks. It attacks nothing and replaces no stored score."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from omegaconf import DictConfig

from bench.config.instantiate import instantiate
from bench.datamodules.base import VictimDataModule
from bench.errors import UserError
from bench.host import signals
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.metrics.base import SampleMetric
from bench.metrics.scorer import UNSCORED, Scorer
from bench.modalities.lookup import modality_of
from bench.results import parts, query, score_parts
from bench.results.identity import metric_identity
from bench.results.reconstruction_parts import read_reconstructions
from bench.results.store import Store, load
from bench.results.stored_leak import StoredLeak
from bench.running.components import notice
from bench.running.executor import in_a_line
from bench.running.restored import Request, composed, data_of, metric_nodes, numerics
from bench.storage.lock import locked
from bench.terminal.printable import visible
from bench.terminal.progress import bars

_UNSCORED = frozenset(status.value for status in UNSCORED)
_ROWS, _SECONDS = 256, 10.0  # a part is written when one of the two is reached


@dataclass(frozen=True)
class Rescored:
    """What came of rescoring one cell.

    Args:
        folder: the cell's folder.
        added: how many victims got scores of each metric, `{metric key: count}`.
        notes: sentences about metrics of the cell that cannot be computed on this machine.
        reason: why the cell could not be rescored, or not as a whole; empty if it was.
    """

    folder: Path
    added: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        counted = [
            f"added {', '.join(key for key, n in self.added.items() if n == count)} of {_victims(count)}"
            for count in dict.fromkeys(self.added.values())
        ]
        added = "; ".join(counted) if counted or self.reason else "nothing was missing"
        return f"{self.folder.name}: {'; '.join(filter(None, [added, *self.notes, self.reason]))}"


def rescore(folder: Path, request: Request) -> Iterator[Rescored]:
    """Adds the scores that the cells of a results folder lack, cell by cell.

    Args:
        folder: a results folder, or the folder of one cell.
        request: which metrics to add, and where data and weights are.

    Raises:
        UserError: the folder cannot be read.
        Interrupted: the process was asked to leave; the scores computed so far are stored.
    """
    for cell in _cells(folder):
        signals.check()
        try:
            yield _rescored(cell, request)
        except BaseException as error:  # a fault of one cell must not cost the others their scores
            if not signals.is_fault(error):
                raise
            known = " ".join(str(error).split()) if isinstance(error, UserError) else in_a_line(error)
            yield Rescored(cell.folder, reason=f"not rescored: {known}")


def _cells(folder: Path) -> list[StoredLeak]:
    if (folder / "cell.json").exists():
        try:
            return [load(folder, StoredLeak)]
        except ValueError as problem:
            raise UserError(f"{folder}: {problem}") from None
    listing = query.cells(folder)
    for warning in listing.warnings:
        notice(warning)
    return listing.cells


def _rescored(cell: StoredLeak, request: Request) -> Rescored:
    job = _Job(cell, request)
    if not job.todo:  # nothing is written and nobody is waited for
        return job.outcome({})
    with locked(cell.folder, notice):
        cell.sweep()
        job = _Job(load(cell.folder, StoredLeak), request)
        return job.outcome(job.run() if job.todo else {})


class _Job:
    """What one cell lacks, and the work that adds it.

    Attributes:
        todo: `{part id: {victim: metric keys}}`, the scores to compute.
    """

    def __init__(self, cell: StoredLeak, request: Request) -> None:
        self.cell, self.request = cell, request
        self.config: dict[str, Any] = cell.facts.get("config") or {}
        self.found = parts.read(cell.parts)
        self.victims, self.samples = query.chosen(self.found)
        self.todo: dict[str, dict[int, list[str]]] = {}
        self.notes: list[str] = []
        self.faults: list[str] = []
        if len(self.victims):
            self._plan()

    def _plan(self) -> None:
        self.cfg = composed(self.request, self.config)
        self.nodes = metric_nodes(self.request, self.cfg, self.cell.facts)
        added = self.found.scores.values()
        lacking = score_parts.missing(self.victims, self.found.samples, added, self.nodes, _UNSCORED)
        asked = [key for key in self.nodes if any(key in keys for keys in lacking.values())]
        self.metrics: dict[str, SampleMetric] = {key: instantiate(self.nodes[key], f"metric.{key}") for key in asked}
        kind = modality_of(self.cell.facts)
        judge = Scorer(self.metrics, kind.name, kind.metric)
        for key, reason in judge.inspect(self._shape()).items() if asked else ():
            del self.metrics[key]
            (self.faults if key in self.request.named(self.cfg) else self.notes).append(f"{key}: {reason}")
        gone = 0
        for (part, victim), keys in lacking.items():
            if wanted := [key for key in keys if key in self.metrics]:
                if part in self.found.reconstructions:
                    self.todo.setdefault(part, {})[victim] = wanted
                else:
                    gone += 1
        if gone:
            self.faults.append(
                f"the reconstructions of {_victims(gone)} are not stored, so only a new attack in "
                "another folder can give their scores (results=DIR)"
            )

    def _shape(self) -> tuple[int, ...]:
        shape = (self.cell.facts.get("data") or {}).get("shape")
        if not shape:
            raise UserError("its record does not say the shape of its data")
        return tuple(shape)

    def outcome(self, added: dict[str, int]) -> Rescored:
        reason = f"not rescored{' as a whole' if added else ''}: {'; '.join(self.faults)}" if self.faults else ""
        return Rescored(self.cell.folder, added, self.notes, reason)

    def run(self) -> dict[str, int]:
        """Computes and stores the scores; returns how many victims got scores of each metric."""
        with numerics(self.config.get("engine") or {}):
            data, tokenizer = data_of(self.request, self.cfg, self.config)
            if data.fingerprint != (self.cell.facts.get("contents") or {}).get("data"):
                raise UserError(
                    f"data '{data.title}' in {data.where()} are other data than those that were attacked, or are read "
                    "with another vocabulary (data.root=PATH)"
                )
            scorer = modality_of(self.cell.facts).scorer(self.metrics, tokenizer).to(_device(self.cfg))
            self._record(scorer)
            return self._score(data, scorer)

    def _record(self, scorer: Scorer) -> None:
        """Puts the added metrics on record before their scores, so that an interrupted rescoring is gone on with."""
        facts = self.cell.facts
        known = facts.get("metrics") or {}
        new = {
            key: {**described, "identity": metric_identity(key, self.nodes[key])}
            for key, described in scorer.facts().items()
            if key not in known
        }
        reasons = {key: reason for key, reason in (facts.get("reasons") or {}).items() if key not in self.metrics}
        nodes = {**(self.config.get("metric") or {}), **{key: self.nodes[key] for key in new}}
        kept = {"metrics": {**known, **new}, "reasons": reasons, "config": {**self.config, "metric": nodes}}
        root = self.cell.folder.parent.parent
        Store(root).cell(StoredLeak, self.cell.slug, self.cell.identity, {**facts, **kept})

    def _score(self, data: VictimDataModule, scorer: Scorer) -> dict[str, int]:
        words = dict(zip(self.victims["victim"].to_pylist(), self.victims["status"].to_pylist()))
        dealt = _samples(self.samples)
        counts: Counter[str] = Counter()
        buffer = _Buffer(self.cell.parts)
        device = _device(self.cfg)
        with bars() as drawn, buffer:
            bar = drawn.add_task(visible(f"scoring {self.cell.slug}"), total=sum(map(len, self.todo.values())), note="")
            for part, victims in self.todo.items():
                try:
                    tensors = read_reconstructions(self.found.reconstructions[part])
                except ValueError as problem:
                    self.faults.append(f"{self.found.reconstructions[part].name}: {problem}")
                    continue
                for victim, keys in victims.items():
                    signals.check()
                    truth = data.deal([victim])
                    if truth.samples[0].tolist() != dealt.get(victim, truth.samples[0].tolist()):
                        raise UserError(f"victim {victim} holds other examples than when it was attacked")
                    guess = _reconstruction(tensors, victim, Status(words[victim]))
                    scores = scorer(guess.to(device), truth.to(device))
                    values = {key: scores.values[key][0].tolist() for key in keys}
                    buffer.add(victim, part, values)
                    counts.update(keys)
                    drawn.advance(bar)
            drawn.remove_task(bar)
        return {key: counts[key] for key in self.metrics if counts[key]}


class _Buffer:
    """Collects rows of added scores and writes them, a part per few hundred rows or ten seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._empty()

    def _empty(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._since = time.monotonic()

    def add(self, victim: int, part: str, values: dict[str, list[float]]) -> None:
        size = len(next(iter(values.values())))
        place = {"victim": victim, "part": part}
        self._rows += [
            {**place, "position": b, **{key: value[b] for key, value in values.items()}} for b in range(size)
        ]
        if len(self._rows) >= _ROWS or time.monotonic() - self._since > _SECONDS:
            self.flush()

    def flush(self) -> None:
        rows = self._rows
        self._empty()
        if rows:
            with signals.held():
                score_parts.write(self._folder, rows)

    def __enter__(self) -> _Buffer:
        return self

    def __exit__(self, *failure: object) -> None:
        self.flush()


def _victims(count: int) -> str:
    return f"{count} victim{'s' * (count != 1)}"


def _reconstruction(tensors: dict[str, np.ndarray], victim: int, status: Status) -> Reconstruction:
    """What the attack returned for one victim, as far as a scorer looks at it."""
    at = np.flatnonzero(tensors["ids"] == victim)
    if len(at) != 1:
        raise UserError(f"the reconstruction of victim {victim} is not in its part")
    inputs, labels = (torch.from_numpy(tensors[name][at]) for name in ("inputs", "labels"))
    nothing = torch.zeros(1, dtype=torch.int64)
    return Reconstruction(
        ids=torch.tensor([victim]),
        inputs=inputs if inputs.is_floating_point() else inputs.long(),
        labels=labels,
        objective=torch.full((1,), torch.nan, dtype=torch.float64),
        iterations=nothing,
        evaluations=nothing,
        seconds=torch.zeros(1, dtype=torch.float64),
        status=[status],
    )


def _samples(table: pa.Table) -> dict[int, list[int]]:
    """The number of each example in the data set, `{victim: [B]}`, as it was stored."""
    found: dict[int, list[int]] = {}
    for victim, sample in zip(table["victim"].to_pylist(), table["sample"].to_pylist()):
        found.setdefault(victim, []).append(sample)
    return found


def _device(cfg: DictConfig) -> torch.device:
    """Where scores are computed: the processor or the GPU that `trainer` names."""
    accelerator = cfg.trainer.accelerator
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise UserError(f"trainer.accelerator={accelerator}: this machine has none")
    return torch.device("cuda" if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available() else "cpu")
