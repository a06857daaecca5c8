"""The base class of an attacker's language models, which say how likely a sentence is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from bench.messages.observation import Observation

# Tokens `[N, T]` of the attacked model's tokeniser, -1 at unused places -> `[N]`, float: the mean over a sentence of
# -ln P(token | tokens before it), the logarithm of its perplexity. Special tokens are not part of a sentence.
Disfluency = Callable[[Tensor], Tensor]


class LanguageModel(ABC):
    """A language model: it holds settings, and learns from an observation or has public weights."""

    @property
    def needs(self) -> frozenset[str]:
        """What it needs to be granted, in the words of `Attack.needs`."""
        return frozenset()

    def check(self, seen: Observation) -> None:  # noqa: B027 - most can serve every observation
        """Refuses an observation that it cannot serve.

        Raises:
            UserError: the message says why.
        """

    @abstractmethod
    def learn(self, seen: Observation) -> Disfluency:
        """Returns the function that scores sentences of this observation's tokeniser."""
