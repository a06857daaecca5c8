"""What an attack returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.messages.base import Message, require
from bench.messages.status import Status


@dataclass(eq=False)
class Reconstruction(Message):
    """What an attack reconstructs for the victims `ids` (any subset of an observation's victims, in any order).

    Args:
        ids: `[V]`, int64.
        inputs: images `[V, B, C, H, W]`, which may leave [0, 1]; rows `[V, B, F]`; series `[V, B, C, T]`; or sentences
            `[V, B, T]`, int64 tokens, -1 where no token is claimed. Numbers may be non-finite.
        labels: `[V, B]`, int64; -1 if the attack makes no claim.
        objective: `[V]`, the attacker's own objective at the returned iterate (NaN if it has none).
        iterations: `[V]`, int64, summed over restarts.
        evaluations: `[V]`, int64, evaluations of the objective's value and gradient, summed over restarts.
        seconds: `[V]`, wall time, summed over restarts; victims worked on at once share it equally.
        status: one `Status` per victim.
        trace: a few iterates of the run; empty if the attack keeps none. `moments` `[V, M]` are iteration numbers (-1
            at unused entries). `images` `[V, M, B, ...]` are the iterates there; for sentences, `tokens` `[V, M, B, T]`
            (-1 where none is claimed). `curve_at` `[V, K]` are iteration numbers (-1 at unused entries),
            and `curve` `[V, K]` the objective there.
        member: of an ensemble, the name of the attack whose claim is returned, one per victim; empty for other attacks.
        unknowns: `{name: [V, ...]}`, what the attack found of other numbers that the client drew, such as the noise of
            a latent; empty if it looked for none. See `Attack.explained`. They are not stored.

    Raises:
        ValueError: shapes disagree.
    """

    ids: Tensor
    inputs: Tensor
    labels: Tensor
    objective: Tensor
    iterations: Tensor
    evaluations: Tensor
    seconds: Tensor
    status: list[Status]
    trace: Mapping[str, Tensor] = field(default_factory=dict)
    member: list[str] = field(default_factory=list)
    unknowns: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        v, b = self.inputs.shape[:2]
        tokens = self.inputs.dim() == 3 and self.inputs.dtype == torch.int64
        known = tokens or (self.inputs.dim() in (3, 4, 5) and self.inputs.is_floating_point())
        want = "[V, B, C, H, W], [V, B, C, T], [V, B, F], or int64 tokens [V, B, T]"
        require(known, f"inputs: want {want}, got {list(self.inputs.shape)}")
        require(self.labels.shape == (v, b), f"labels: want [{v}, {b}], got {list(self.labels.shape)}")
        for name in ("ids", "objective", "iterations", "evaluations", "seconds"):
            require(getattr(self, name).shape == (v,), f"{name}: want [{v}], got {list(getattr(self, name).shape)}")
        require(len(self.status) == v, f"status: want {v} entries, got {len(self.status)}")
        require(len(self.member) in (0, v), f"member: want no entry or {v}, got {len(self.member)}")

    @classmethod
    def of_claim(cls, ids: Tensor, inputs: Tensor, labels: Tensor, status: list[Status]) -> Reconstruction:
        """Makes a reconstruction without objective, trace and cost: of these only the claim is known.

        Args:
            ids: `[V]`.
            inputs: as above.
            labels: `[V, B]`.
            status: one `Status` per victim.
        """
        zeros = torch.zeros(len(ids), dtype=torch.int64)
        nothing = torch.full((len(ids),), torch.nan, dtype=torch.float64)
        return cls(ids, inputs, labels, nothing, zeros, zeros, torch.zeros_like(nothing), status)

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def each(self) -> Iterator[Reconstruction]:
        """Yields the reconstructions of the victims one by one, in order."""
        for v in range(len(self)):
            of = slice(v, v + 1)
            yield Reconstruction(
                ids=self.ids[of],
                inputs=self.inputs[of],
                labels=self.labels[of],
                objective=self.objective[of],
                iterations=self.iterations[of],
                evaluations=self.evaluations[of],
                seconds=self.seconds[of],
                status=self.status[of],
                trace={name: value[of] for name, value in self.trace.items()},
                member=self.member[of],
                unknowns={name: value[of] for name, value in self.unknowns.items()},
            )
