"""A cell of an attack: its units are victims. compose -> build -> `Trainer.test` -> store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch

from bench.attacks.about import about
from bench.datamodules.base import VictimDataModule
from bench.datamodules.blocks import share
from bench.host import signals
from bench.host.capacity import BLOCK
from bench.leakage import Leakage
from bench.loggers.base import CellLogger
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.scorer import UNSCORED_WORDS, Scorer, Scores
from bench.modalities.lookup import modality
from bench.results import query, reconstruction_parts, score_parts
from bench.results.failure import Failure
from bench.results.identity import contents, identity, metric_identity
from bench.results.parts import read as read_parts
from bench.results.query import Rows
from bench.results.store import Store, load
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summarise
from bench.running.cell import Identified, called
from bench.running.components import Components, Contents, build, notice, read_contents, sources
from bench.running.ddp_watchdog import DdpWatchdog
from bench.running.ranks import SyncRanks
from bench.running.recorder import Recorder
from bench.running.time_estimate import ShownProgress, TimeEstimate
from bench.running.trainer import attack_trainer, device_in_words
from bench.running.victim_cell import VictimCell
from bench.terminal.printable import visible
from bench.terminal.progress import bars


class LeakCell(VictimCell[StoredLeak]):
    """One attack on the shared gradients of one model, on many victims."""

    kind: ClassVar[type[StoredLeak]] = StoredLeak

    components: Components

    @cached_property
    def contents(self) -> Contents:
        """What the config points to."""
        return read_contents(self.cfg)

    @property
    def logger(self) -> CellLogger:
        """See `Cell.logger`."""
        return self.components.logger

    def build(self) -> None:
        """See `Cell.build`. A device that is not there is found out here as well, and a disk that is too small."""
        self.components = build(self.cfg, self.contents)
        self.trainer = attack_trainer(self.cfg)
        if said := self._large_reconstructions():
            notice(said)

    def _large_reconstructions(self) -> str | None:
        """A sentence about the disk that the reconstructions take, if they are large.

        Raises:
            UserError: the disk of the results folder has less room.
        """
        data = self.contents.data
        numbers = math.prod(data.shape)
        whole = reconstruction_parts.size(data.victims, data.batch_size, numbers)
        if self.cfg.report.reconstructions == "none" or whole < reconstruction_parts.LARGE:
            return None
        store = Store(Path(self.cfg.results))
        folder = store.folder(self.kind, self.identify().identity)
        stored = 0
        if folder:
            with suppress(ValueError):  # a record that cannot be read is refused when the cell is opened
                stored = len(load(folder, self.kind).done() & set(range(data.victims)))
        needed = reconstruction_parts.size(data.victims - stored, data.batch_size, numbers)
        return reconstruction_parts.announcement(needed, reconstruction_parts.free(store.root))

    def identify(self) -> Identified:
        """See `Cell.identify`."""
        config, found = self.config, self.contents
        extra = contents(found.data.fingerprint, found.checkpoint, found.pretrained)
        facts = self.known_facts(found.data, extra) | {
            "control": bool(config["attack"].get("control")),
            "metrics": facts_of_metrics(found.scorer, config["metric"]),
            "reasons": dict(found.scorer.reasons),
        }
        return Identified(identity(config, extra), self.slug(facts), facts)

    def facts(self) -> dict[str, Any]:
        """See `Cell.facts`."""
        parts = self.components
        data, client = parts.data, parts.client
        grants = {name: bool(value) for name, value in vars(client.threat).items() if name != "letter"}
        own = about(parts.attack)
        return ({"attack": own} if own else {}) | {
            "threat": {"letter": client.threat.letter, "grants": grants},
            "data": {
                "modality": data.modality,
                "classes": data.classes,
                "class_names": list(data.class_names) if data.class_names else None,
                "shape": list(data.shape),
                "pool": data.size_of_pool,
                "remark": data.remark,
            },
            "model": {
                "parameters": client.facts.parameters,
                "frozen": client.facts.frozen,
                "per_victim": client.per_victim,
            },
            "defense": client.facts_of_defense(data.deal([0])),
            "numerics": {"dtype": parts.engine.precision, "tf32": torch.backends.cudnn.allow_tf32},
            "sources": sources(self.cfg, data, self.contents.checkpoint),
        }

    def overview(self, stored: StoredLeak, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        data, facts, client = self.components.data, stored.facts, self.components.client
        remark = facts["data"].get("remark")
        kind = modality(data.modality)
        granted = kind.relevant(facts["threat"]["grants"])
        fresh = "a fresh model per victim" if client.per_victim else "one model for all victims"
        examples = kind.name if data.batch_size > 1 else kind.noun
        size = kind.describe_shape(data.shape)
        before = f", {data.victims - todo} of them stored already" if todo < data.victims else ""
        return {
            "attack": facts["labels"]["attack"],
            "attacker sees": {"the gradient": True, "the model": True, **granted},
            "threat model": f"{facts['threat']['letter']} ({facts['labels']['threat']})",
            "victims": f"{data.victims} of {data.batch_size} {examples}{before}",
            "data": f"{data.title}: {data.size_of_pool} {kind.name} of {size}, {_classes(data)}",
            "model": f"{facts['labels']['model']}: {_parameters(facts['model'])}, {fresh}",
            "defense": facts["labels"]["defense"],
            "privacy": _privacy(facts["defense"]),
            "note": "; ".join([*facts["defense"]["notes"], *([remark] if remark else [])]) or None,
            "scores": list(facts["metrics"]),
            "not available": "; ".join(f"{name}: {why}" for name, why in facts["reasons"].items()) or None,
            "device": self.cfg.trainer.accelerator,
            "threads": self.components.engine.threads,
            "victims at once": self.components.engine.chunk,
            "results": str(stored.folder),
        }

    def work(self, stored: StoredLeak, todo: Sequence[int]) -> None:
        """See `Cell.work`."""
        parts, trainer = self.components, self.trainer
        data, engine = parts.data, parts.engine
        data.todo = todo
        data.block = BLOCK
        engine.victims = len(share(todo, trainer.global_rank, trainer.world_size))
        engine.notice = notice
        if todo and self.speaks:  # one process tells; processes that only met have nothing to tell
            parts.logger.open(called(self, stored))
        report = self.cfg.report
        keep_all = report.reconstructions == "all"
        recorder = Recorder(stored, report.images, keep_all, trainer.global_rank, lambda: device_in_words(trainer))
        with bars() as drawn:
            words = " ".join(stored.facts["labels"][name] for name in ("attack", "data"))
            bar = drawn.add_task(visible(words), total=engine.victims, note="")
            estimate = TimeEstimate(engine.victims * getattr(parts.attack, "restarts", 1))
            engine.watch = ShownProgress(drawn, bar, estimate, notice)

            def keep(guess: Reconstruction, truth: Victims, scores: Scores) -> None:
                recorder(guess, truth, scores)
                drawn.advance(bar, len(guess))

            trainer.callbacks += [SyncRanks(data, recorder), DdpWatchdog()]  # type: ignore[attr-defined]
            module = Leakage(parts.client, parts.attack, parts.scorer, self.cfg.seed, keep)
            try:
                trainer.test(module, data, verbose=False)
            finally:
                drawn.remove_task(bar)
                recorder.flush()
        signals.check()

    def read(self, stored: StoredLeak) -> Rows:
        """See `Cell.read`."""
        return query.rows(stored).limit(self.wanted)

    def failed(self, rows: Rows) -> Failure | None:
        """See `Cell.failed`: no victim has a result. That an attack found nothing is a result: no success."""
        words, reasons = rows.victims["status"].to_pylist(), rows.victims["reason"].to_pylist()
        if words and set(words) <= UNSCORED_WORDS - {Status.UNVERIFIED.value}:
            return Failure(words[0], f"{reasons[0]} (all {len(words)} victims failed)")
        return None

    def remarks(self, stored: StoredLeak, rows: Rows) -> list[str]:
        """See `Cell.remarks`: whether victims that were stored earlier lack a metric that can be computed now."""
        scorer, samples = self.contents.scorer, rows.samples
        able = [key for key in scorer.metrics if key not in scorer.reasons]
        # Most cells lack nothing, and this shows without reading their parts again.
        if all(key in samples.column_names and not samples[key].null_count for key in able):
            return []
        found = read_parts(stored.parts)
        added = found.scores.values()
        lacking = score_parts.missing(rows.victims, found.samples, added, able, UNSCORED_WORDS)
        keys = [key for key in able if any(key in names for names in lacking.values())]
        if not keys:
            return []
        words = f"{len(lacking)} stored victims lack {', '.join(keys)}, which can be computed now"
        if not all(part in found.reconstructions for part, _ in lacking):
            return [f"{words}, but not of all: not all reconstructions are stored; attack again with results=DIR"]
        return [f"{words} without an attack: leakbench rescore {self.cfg.results}"]

    def summarise(self, stored: StoredLeak, rows: Rows) -> dict[str, Any]:
        """See `bench.results.summary`."""
        return summarise(stored, rows)


def facts_of_metrics(scorer: Scorer, nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """`{metric key: facts}` as a cell stores them: what the metric says of itself, and its identity.

    Args:
        scorer: holds the metrics.
        nodes: `{metric key: node of the config}`, as plain containers.
    """
    return {key: {**facts, "identity": metric_identity(key, nodes[key])} for key, facts in scorer.facts().items()}


def _parameters(model: dict[str, Any]) -> str:
    """`13,426 parameters`, or `10 parameters (13,416 more are frozen)`."""
    frozen = f" ({model['frozen']:,} more are frozen)" if model["frozen"] else ""
    return f"{model['parameters']:,} parameters{frozen}"


def _classes(data: VictimDataModule) -> str:
    """`10 classes`, or of a language model `1,500 tokens to choose from`."""
    if data.head not in (None, "classification"):
        return f"{data.classes:,} tokens to choose from"
    return f"{data.classes or 'no'} classes"


def _privacy(defense: dict[str, Any]) -> str | None:
    """`epsilon 5.3 (delta 1e-05) per shared step`."""
    if defense["epsilon"] is None:
        return None
    return f"epsilon {defense['epsilon']:.3g} (delta {defense['delta']:g}) per shared step"
