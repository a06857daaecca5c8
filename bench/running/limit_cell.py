"""A cell of limits: its units are victims, whose inputs what they share determines, or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch

from bench.client import Client
from bench.defenses.example_defense import ExampleDefense
from bench.engine.residuals import derivatives
from bench.errors import NotApplicable, in_short
from bench.host.capacity import require_memory
from bench.host.out_of_memory import lacks_memory
from bench.modalities.lookup import modality
from bench.results.identity import limit_identity
from bench.results.limits_summary import summarise
from bench.results.stored_limits import StoredLimits
from bench.running.cell import Identified
from bench.running.components import client_of, instantiate_engine
from bench.running.limit_step import DRAWS, PRIOR, Limits
from bench.running.measured_cell import Keep, MeasuredCell, Rows
from bench.running.trainer import attack_trainer

_DOUBLE, _COPIES = 8, 3  # bytes of a number; the Jacobian, what it is put together from, and what is factored


class LimitCell(MeasuredCell[StoredLimits]):
    """How far what the victims of one model share under one defence determines their inputs; nothing is attacked.

    Everything is computed in double precision, because the rank of a Jacobian is judged by rounding.
    """

    kind: ClassVar[type[StoredLimits]] = StoredLimits

    _client: Client
    _std: float | None

    @property
    def client(self) -> Client:
        """See `MeasuredCell.client`."""
        return self._client

    def build(self) -> None:
        """See `Cell.build`."""
        assert self.logger is not None
        data = self.contents.data
        if modality(data.modality).tokenized:
            raise NotApplicable(f"data '{data.title}' holds tokens, by which nothing can be differentiated")
        engine = replace(instantiate_engine(self.cfg.engine), precision="float64")
        self._client = client_of(self.cfg, self.contents, engine)
        numbers = data.batch_size * torch.Size(data.shape).numel() * self._client.facts.parameters
        what = f"the Jacobians of {self._client.facts.parameters:,} parameters by the inputs"
        require_memory(numbers * _DOUBLE * _COPIES, what, "take a smaller model, batch or image")
        self._std = noise_of(self._client)
        _check(self._client, data.deal([0]))
        self.trainer = attack_trainer(self.cfg)

    def identify(self) -> Identified:
        """See `Cell.identify`."""
        config, found, extra = self.config, self.contents, self.hashes()
        facts = self.known_facts(found.data, extra)
        del facts["threat"]  # the limit is that of an attacker who knows the model and the labels
        rules = {"prior": PRIOR, "draws": DRAWS}
        return Identified(limit_identity(config, extra, rules), self.slug(facts), facts)

    def overview(self, stored: StoredLimits, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        return {
            "limit": "rank of the Jacobian, and the unbiased error",
            **super().overview(stored, todo),
        }

    def module(self, keep: Keep) -> Limits:
        """See `MeasuredCell.module`."""
        return Limits(self._client, self._std, self._client.data.mean_image, keep)

    def title(self, names: dict[str, str]) -> str:
        """See `MeasuredCell.title`."""
        return f"limit {names['defense']} {names['data']}"

    def summarise(self, stored: StoredLimits, rows: Rows) -> dict[str, Any]:
        """See `bench.results.limits_summary`."""
        return summarise(stored, rows)


def noise_of(client: Client) -> float | None:
    """The noise that the last part of the defence adds; parts that change examples come before all others.

    Noise of earlier parts counts as known to the attacker, who is then stronger, so that the limit still holds. So do
    the random numbers of parts that change examples.

    Raises:
        NotApplicable: a part of the defence has no derivative.
    """
    parts = client.defense.flat(client.runner.context)
    for part, _ in parts:
        if part.rounds:
            raise NotApplicable(f"defense {type(part).__name__} rounds, so that what is shared has no derivative")
    after = [(part, known) for part, known in parts if not isinstance(part, ExampleDefense)]
    return after[-1][0].gaussian_std(after[-1][1]) if after else None


def _check(client: Client, victim: Any) -> None:
    """Computes one derivative of what a victim shares.

    Raises:
        NotApplicable: torch cannot compute it.
    """
    function, pixels = client.update_as_function(victim), victim.inputs.flatten().double()
    try:
        derivatives(function, pixels, torch.ones_like(pixels)[None])
    except RuntimeError as error:
        if lacks_memory(error):
            raise
        names = ", ".join(type(part).__name__ for part, _ in client.defense.flat(client.runner.context)) or "none"
        what = f"model {type(client.model).__name__} under defense {names}"
        raise NotApplicable(f"{what}: torch has no forward derivative ({in_short(error)})") from error
