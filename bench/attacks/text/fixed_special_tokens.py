"""Matching over word embeddings where start, end and padding of a sentence are taken as what they are."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.text.fixed_tokens import FixedTokens
from bench.attacks.text.text_matching import TextMatching
from bench.engine.matching import Arrangement, Matching
from bench.engine.solver_state import Objective
from bench.messages import Observation
from bench.models.text.special_tokens import special_tokens


class FixedSpecialTokens(TextMatching):
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
        frame = special_tokens(seen.mask[victim], language.tokenizer).to(z.device)
        table = seen.parameters[language.embedding][victim].to(z)
        words = z[: layout.inputs].view(*frame.shape, -1)
        words = torch.where((frame >= 0).unsqueeze(-1), table[frame.clamp(min=0)], words)
        return torch.cat([words.flatten(), z[layout.inputs :]])

    def _minimised(self, matching: Matching, layout: Arrangement, seen: Observation) -> Objective:
        assert seen.mask is not None and seen.task.language is not None
        free = seen.mask & (special_tokens(seen.mask, seen.task.language.tokenizer) < 0)
        return FixedTokens(matching, self._layout(seen).width, ~free)
