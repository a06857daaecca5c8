"""Matching over word embeddings where start, end and padding of a sentence are taken as what they are."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.text_matching import TextMatching
from bench.engine.matching import Arrangement, Matching
from bench.engine.work import Objective
from bench.messages import Observation
from bench.models.frame import framed


class FixedFrame(TextMatching):
    """Only the places between a sentence's start and end are optimised; start, end and padding stay.

    The code of LAMP's authors (Balunovic et al. 2022, arXiv 2202.08827; `fix_special_tokens` of eth-sri/lamp) puts the
    embeddings of these tokens back after each step of all its attacks. Here they stand at the start and their slope is
    zero, which is the same for elementwise directions such as Adam. Padding is hidden by the mask, so its embedding is
    whatever was drawn.

    Args:
        See `TextMatching`.
    """

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """The initial variables `[n]`: as `TextMatching`, with the embeddings of start and end at their places."""
        z = super().start_of(seen, seed, victim, restart)
        layout, language = self._layout(seen), seen.task.language
        assert seen.mask is not None and language is not None
        frame = framed(seen.mask[victim], language.tokenizer).to(z.device)
        table = seen.parameters[language.embedding][victim].to(z)
        words = z[: layout.inputs].view(*frame.shape, -1)
        words = torch.where((frame >= 0).unsqueeze(-1), table[frame.clamp(min=0)], words)
        return torch.cat([words.flatten(), z[layout.inputs :]])

    def _minimised(self, matching: Matching, layout: Arrangement, seen: Observation) -> Objective:
        assert seen.mask is not None and seen.task.language is not None
        free = seen.mask & (framed(seen.mask, seen.task.language.tokenizer) < 0)
        return Held(matching, self._layout(seen).inputs, ~free)


class Held:
    """An objective whose slope is zero at fixed places.

    Args:
        matching: over the same victims.
        inputs: how many of its variables are embeddings, `B * T * D`; they come first.
        fixed: `[V, B, T]`, bool.
    """

    def __init__(self, matching: Matching, inputs: int, fixed: Tensor) -> None:
        self.matching, self._inputs = matching, inputs
        width = inputs // fixed[0].numel()
        self._fixed = fixed.flatten(1).repeat_interleave(width, 1)

    @property
    def compiled_slots(self) -> int | None:
        """The matching's."""
        return self.matching.compiled_slots

    def load(self, victims: Tensor) -> None:
        """Puts these victims into the slots."""
        self.matching.load(victims)
        self._victims = victims.clone()

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts these victims into the slots numbered `slots`."""
        self.matching.replace(slots, victims)
        self._victims[slots] = victims

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> values `[S]` and gradients `[S, n]`."""
        values, g = self.matching(z)
        words = g[:, : self._inputs].masked_fill(self._fixed[self._victims], 0)
        return values, torch.cat([words, g[:, self._inputs :]], 1)
