"""Matching over word embeddings in which the start, end and padding tokens of sentences are taken as known."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.text.fixed_tokens import FixedTokens
from bench.attacks.text.text_matching import TextMatching
from bench.engine.matching import Arrangement, Matching
from bench.engine.slotted_objective import SlottedObjective
from bench.messages.observation import Observation
from bench.models.text.special_tokens import special_tokens


class FixedSpecialTokens(TextMatching):
    """Optimises only the places between a sentence's start and end tokens; start, end and padding tokens stay.

    The code of LAMP's authors (Balunovic et al. 2022, arXiv 2202.08827; `fix_special_tokens` of eth-sri/lamp) puts the
    embeddings of these tokens back after each step of all its attacks. Here they are in place from the start and their
    gradient is zero, which is equivalent for elementwise directions such as Adam. Padding is hidden by the mask, so its
    embedding does not matter and stays as it was drawn.

    The arguments are those of `TextMatching`.
    """

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run, with the embeddings of start and end in place.

        Args:
            seen: the observation.
            seed: seed of the attacker's random numbers.
            victim: position of the victim in the observation.
            restart: number of the run.
        """
        z = super().start_of(seen, seed, victim, restart)
        layout, language = self._layout(seen), seen.task.language
        assert seen.mask is not None and language is not None
        frame = special_tokens(seen.mask[victim], language.tokenizer).to(z.device)
        table = seen.parameters[language.embedding][victim].to(z)
        words = z[: layout.inputs].view(*frame.shape, -1)
        words = torch.where((frame >= 0).unsqueeze(-1), table[frame.clamp(min=0)], words)
        return torch.cat([words.flatten(), z[layout.inputs :]])

    def _minimised(self, matching: Matching, layout: Arrangement, seen: Observation) -> SlottedObjective:
        assert seen.mask is not None and seen.task.language is not None
        free = seen.mask & (special_tokens(seen.mask, seen.task.language.tokenizer) < 0)
        return FixedTokens(matching, self._layout(seen).width, ~free)
