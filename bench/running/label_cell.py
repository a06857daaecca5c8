"""A cell of label inference: its units are victims, whose labels a rule claims from what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pytorch_lightning as pl

from bench.attacks.base import unmet
from bench.config.instantiate import instantiate
from bench.errors import NotApplicable
from bench.host import signals
from bench.host.capacity import BLOCK
from bench.labels.base import LabelRule
from bench.loggers.base import CellLogger
from bench.messages.observation import Observation
from bench.modalities.lookup import modality
from bench.results.failure import Failure
from bench.results.identity import contents, label_identity
from bench.results.labels_summary import summarise
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import ENDED_WELL
from bench.running.cell import Identified, called
from bench.running.components import Contents, client_of, instantiate_engine, read_contents
from bench.running.ddp_watchdog import DdpWatchdog
from bench.running.label_step import LabelInference
from bench.running.ranks import SyncRanks
from bench.running.shared_updates import SharedUpdates, updates_of
from bench.running.trainer import attack_trainer, device_in_words
from bench.running.victim_cell import VictimCell
from bench.storage.provenance import stamp
from bench.terminal.printable import visible
from bench.terminal.progress import bars


class LabelCell(VictimCell[StoredLabels]):
    """One label rule on what the victims of one model share; nothing is reconstructed."""

    kind: ClassVar[type[StoredLabels]] = StoredLabels

    updates: SharedUpdates
    rule: LabelRule

    @cached_property
    def contents(self) -> Contents:
        """What the config points to."""
        return read_contents(self.cfg, scored=False)

    @cached_property
    def logger(self) -> CellLogger:
        """See `Cell.logger`."""
        found: CellLogger = instantiate(self.cfg.logger, "logger")
        return found

    def build(self) -> None:
        """See `Cell.build`."""
        assert self.logger is not None
        engine = instantiate_engine(self.cfg.engine)
        self.rule = instantiate(self.cfg.attack.labels, "attack.labels")
        data = self.contents.data
        if data.classes is None or data.classes == 1:
            raise NotApplicable(f"data '{data.title}' has {'one class' if data.classes else 'no labels'} to infer")
        config, extra = self.config, self._hashes()
        self.updates = updates_of(config, extra, lambda: client_of(self.cfg, self.contents, engine))
        check(self.rule, config["names"]["attack"], self.updates(data.deal([0])))
        self.trainer = attack_trainer(self.cfg)

    def _hashes(self) -> dict[str, Any]:
        """Of the data and of the files of the weights."""
        found = self.contents
        weights = {key: value for key, value in found.pretrained.items() if not key.startswith("attack.")}
        return contents(found.data.fingerprint, found.checkpoint, weights)

    def identify(self) -> Identified:
        """See `Cell.identify`."""
        config, found, extra = self.config, self.contents, self._hashes()
        facts = self.known_facts(found.data, extra)
        return Identified(label_identity(config, extra), self.slug(facts), facts)

    def facts(self) -> dict[str, Any]:
        """See `Cell.facts`."""
        data, client = self.contents.data, self.updates.client
        return {
            "data": {
                "modality": data.modality,
                "classes": data.classes,
                "shape": list(data.shape),
                "pool": data.size_of_pool,
                "remark": data.remark,
            },
            "model": {"parameters": client.facts.parameters},
            "defense": client.facts_of_defense(data.deal([0])),
        }

    def overview(self, stored: StoredLabels, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        data, facts = self.contents.data, stored.facts
        kind = modality(data.modality)
        examples = kind.name if data.batch_size > 1 else kind.noun
        before = f", {data.victims - todo} of them stored already" if todo < data.victims else ""
        granted = kind.relevant(facts["threat"]["grants"])
        return {
            "label rule": facts["labels"]["attack"],
            "attacker sees": {"the gradient": True, "the model": True, **granted},
            "threat model": f"{facts['threat']['letter']} ({facts['labels']['threat']})",
            "victims": f"{data.victims} of {data.batch_size} {examples}{before}",
            "data": f"{data.title}: {data.size_of_pool} {kind.name}, {data.classes:,} classes",
            "model": f"{facts['labels']['model']}: {facts['model']['parameters']:,} parameters",
            "defense": facts["labels"]["defense"],
            "note": "; ".join([*facts["defense"]["notes"], *([data.remark] if data.remark else [])]) or None,
            "device": self.cfg.trainer.accelerator,
            "results": str(stored.folder),
        }

    def work(self, stored: StoredLabels, todo: Sequence[int]) -> None:
        """See `Cell.work`."""
        data, trainer, labels = self.contents.data, self.trainer, stored.facts["labels"]
        data.todo, data.block = todo, max(1, BLOCK // data.batch_size)
        if todo and self.speaks:
            self.logger.open(called(self, stored))
        with bars() as drawn:
            bar = drawn.add_task(visible(f"labels {labels['attack']} {labels['data']}"), total=len(todo), note="")

            recorder = LabelRecorder(stored, trainer, lambda done: drawn.advance(bar, done))
            trainer.callbacks += [SyncRanks(data, recorder), DdpWatchdog()]  # type: ignore[attr-defined]
            try:
                trainer.test(LabelInference(self.updates, self.rule, self.cfg.seed, recorder), data, verbose=False)
            finally:
                drawn.remove_task(bar)
        signals.check()

    def read(self, stored: StoredLabels) -> list[dict[str, Any]]:
        """See `Cell.read`."""
        return stored.rows(self.wanted)

    def failed(self, rows: list[dict[str, Any]]) -> Failure | None:
        """See `Cell.failed`: no victim has a claim."""
        if rows and all(row["status"] not in ENDED_WELL for row in rows):
            return Failure(rows[0]["status"], f"{rows[0]['reason']} (all {len(rows)} victims failed)")
        return None

    def summarise(self, stored: StoredLabels, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """See `bench.results.labels_summary`."""
        return summarise(stored, rows)


class LabelRecorder:
    """Appends the rows of a block of victims to a cell as soon as it is done.

    Args:
        cell: where to.
        trainer: runs the cell.
        advance: told of the number of victims that are done.
    """

    def __init__(self, cell: StoredLabels, trainer: pl.Trainer, advance: Callable[[int], None]) -> None:
        self._cell, self._trainer, self._advance = cell, trainer, advance
        self._common = {"rank": trainer.global_rank, **stamp()}

    def __call__(self, rows: list[dict[str, Any]]) -> None:
        """Takes in the rows of a block."""
        device = device_in_words(self._trainer)
        self._cell.append([{**row, **self._common, "device": device} for row in rows])
        self._advance(len(rows))

    def flush(self) -> None:
        """Every row is written already."""


def check(rule: LabelRule, name: str, seen: Observation) -> None:
    """Refuses an observation that a rule cannot serve.

    Args:
        rule: the rule.
        name: what it is called.
        seen: the observation of a victim.

    Raises:
        NotApplicable: the sentence says what is lacking.
    """
    if lack := unmet(rule.needs, seen):
        raise NotApplicable(f"label rule {name} {lack}")
    rule.check(seen)
