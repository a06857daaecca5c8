"""A cell of label inference: its units are victims, whose labels a rule claims from what they share."""

from __future__ import annotations

from typing import Any, ClassVar

from bench.attacks.base import unmet
from bench.client import Client
from bench.config.instantiate import instantiate
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.messages.observation import Observation
from bench.modalities.lookup import modality
from bench.results.identity import label_identity
from bench.results.labels_summary import summarise
from bench.results.stored_labels import StoredLabels
from bench.running.cell import Identified
from bench.running.components import client_of, instantiate_engine
from bench.running.label_step import LabelInference
from bench.running.measured_cell import Keep, MeasuredCell, Rows
from bench.running.shared_updates import SharedUpdates, updates_of
from bench.running.trainer import attack_trainer


class LabelCell(MeasuredCell[StoredLabels]):
    """One label rule on what the victims of one model share; nothing is reconstructed."""

    kind: ClassVar[type[StoredLabels]] = StoredLabels

    updates: SharedUpdates
    rule: LabelRule

    @property
    def client(self) -> Client:
        """See `MeasuredCell.client`."""
        return self.updates.client

    def build(self) -> None:
        """See `Cell.build`."""
        assert self.logger is not None
        engine = instantiate_engine(self.cfg.engine)
        self.rule = instantiate(self.cfg.attack.labels, "attack.labels")
        data = self.contents.data
        if data.classes is None or data.classes == 1:
            raise NotApplicable(f"data '{data.title}' has {'one class' if data.classes else 'no labels'} to infer")
        config, extra = self.config, self.hashes()
        self.updates = updates_of(config, extra, lambda: client_of(self.cfg, self.contents, engine))
        check(self.rule, config["names"]["attack"], self.updates(data.deal([0])))
        self.trainer = attack_trainer(self.cfg)

    def identify(self) -> Identified:
        """See `Cell.identify`."""
        config, found, extra = self.config, self.contents, self.hashes()
        facts = self.known_facts(found.data, extra)
        return Identified(label_identity(config, extra), self.slug(facts), facts)

    def overview(self, stored: StoredLabels, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        facts = stored.facts
        granted = modality(self.contents.data.modality).relevant(facts["threat"]["grants"])
        return {
            "label rule": facts["labels"]["attack"],
            "attacker sees": {"the gradient": True, "the model": True, **granted},
            "threat model": f"{facts['threat']['letter']} ({facts['labels']['threat']})",
            **super().overview(stored, todo),
        }

    def module(self, keep: Keep) -> LabelInference:
        """See `MeasuredCell.module`."""
        return LabelInference(self.updates, self.rule, self.cfg.seed, keep)

    def title(self, names: dict[str, str]) -> str:
        """See `MeasuredCell.title`."""
        return f"labels {names['attack']} {names['data']}"

    def summarise(self, stored: StoredLabels, rows: Rows) -> dict[str, Any]:
        """See `bench.results.labels_summary`."""
        return summarise(stored, rows)


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
