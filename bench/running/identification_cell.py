"""A cell of line-ups: its units are victims, and an attacker picks the private example of each out of many."""

from __future__ import annotations

from typing import Any, ClassVar

from bench.client import Client
from bench.datamodules.line_up import check_possible
from bench.defenses.privacy import CANDIDATES
from bench.host.capacity import require_memory
from bench.results.identification_summary import summarise
from bench.results.identity import identification_identity
from bench.results.stored_identification import StoredIdentification
from bench.running.cell import Identified
from bench.running.components import client_of, instantiate_engine
from bench.running.identification_step import DRAWS, LineUps
from bench.running.measured_cell import Keep, MeasuredCell, Rows
from bench.running.trainer import attack_trainer

_BYTES = 8 + 8 + 4  # per candidate and number: the sum, a draw in double precision, and as it is shared


class IdentificationCell(MeasuredCell[StoredIdentification]):
    """How often an attacker who knows everything but one example picks it out of a line-up; nothing is reconstructed.

    It is the attacker of the bound that is proven for DP-SGD (`bench.defenses.reconstruction_bound`), and it can be let
    loose on any defence.
    """

    kind: ClassVar[type[StoredIdentification]] = StoredIdentification

    _client: Client

    @property
    def client(self) -> Client:
        """See `MeasuredCell.client`."""
        return self._client

    def build(self) -> None:
        """See `Cell.build`."""
        assert self.logger is not None
        check_possible(self.contents.data, CANDIDATES)
        self._client = client_of(self.cfg, self.contents, instantiate_engine(self.cfg.engine))
        numbers = CANDIDATES * self._client.facts.parameters
        what = f"what {CANDIDATES} candidates share of {self._client.facts.parameters:,} parameters"
        require_memory(numbers * _BYTES, what, "take a smaller model")
        self.trainer = attack_trainer(self.cfg)

    def identify(self) -> Identified:
        """See `Cell.identify`."""
        config, found, extra = self.config, self.contents, self.hashes()
        facts = self.known_facts(found.data, extra)
        del facts["threat"]  # this attacker knows everything but the example
        rules = {"candidates": CANDIDATES, "draws": DRAWS}
        return Identified(identification_identity(config, extra, rules), self.slug(facts), facts)

    def overview(self, stored: StoredIdentification, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        return {
            "line-up": f"{CANDIDATES} equally likely examples; the attacker knows the rest of the batch",
            **super().overview(stored, todo),
        }

    def module(self, keep: Keep) -> LineUps:
        """See `MeasuredCell.module`."""
        return LineUps(self._client, self.contents.data, CANDIDATES, keep)

    def title(self, names: dict[str, str]) -> str:
        """See `MeasuredCell.title`."""
        return f"line-up {names['defense']} {names['data']}"

    def summarise(self, stored: StoredIdentification, rows: Rows) -> dict[str, Any]:
        """See `bench.results.identification_summary`."""
        return summarise(stored, rows)
