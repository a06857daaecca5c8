"""What every language model of an attacker is: something that says how likely a sentence is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from bench.messages import Observation

# tokens `[N, T]` of the attacked model's tokeniser, -1 where there is none -> `[N]`, float: the mean over a sentence of
# -ln P(token | those before it), the logarithm of its perplexity. Special tokens are no part of a sentence.
Disfluency = Callable[[Tensor], Tensor]


class LanguageModel(ABC):
    """Holds settings; what it knows comes from an observation, or from weights that are public."""

    @property
    def needs(self) -> frozenset[str]:
        """What it cannot do without: words that attacks use of themselves."""
        return frozenset()

    def check(self, seen: Observation) -> None:  # noqa: B027 - most can serve every observation
        """Refuses what it cannot serve.

        Raises:
            UserError: says why.
        """

    @abstractmethod
    def learn(self, seen: Observation) -> Disfluency:
        """What scores sentences of this observation's tokeniser."""
