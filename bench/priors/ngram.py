"""An n-gram language model over tokens (Kneser and Ney 1995), learned from the sentences that a threat model grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import UserError
from bench.messages.observation import Observation
from bench.priors.language_model import Disfluency, LanguageModel


@dataclass(eq=False)
class _Level:
    """Counts of k-grams, each stored as a number whose digits are its tokens, the latest token the lowest digit."""

    grams: Tensor  # [G], int64, sorted
    counts: Tensor  # [G], float64
    contexts: Tensor  # [C], int64, sorted: grams without their latest token
    totals: Tensor  # [C], float64: sum of the counts behind a context
    kinds: Tensor  # [C], float64: how many different tokens follow it


class KneserNey:
    """Kneser-Ney smoothing in its interpolated form (Chen and Goodman 1999, Computer Speech and Language 13, 359-394).

    P_k(w | h) = (max(c(h w) - d, 0) + d n(h) P_{k-1}(w | h')) / c(h), where h' is h without its earliest token, n(h) is
    the number of different tokens that follow h, and c counts occurrences at the highest order and, at lower orders,
    the different tokens that stand before. One discount d serves all orders (the paper estimates one per order). After
    a context that never occurred, P_k = P_{k-1}. P_0 is uniform, so nothing is impossible.

    A sentence is the tokens between two boundaries. The number of the boundary is `size`, and it is predicted at the
    end of a sentence like any token, so events are 0 to `size`.

    Args:
        sentences: lists of tokens, each in 0 to size - 1.
        size: size of the vocabulary.
        order: n, >= 1.
        discount: d, in (0, 1].
        device: device of the counts.

    Raises:
        UserError: `size + 1` to the power of `order` does not fit into 63 bits.
    """

    def __init__(
        self, sentences: Sequence[Sequence[int]], size: int, order: int, discount: float, device: torch.device
    ) -> None:
        self.boundary, self.base, self.order, self.discount = size, size + 1, order, discount
        if self.base**order >= 2**63:
            raise UserError(f"order={order}: the n-grams of a vocabulary of {size:,} tokens do not fit into 63 bits")
        longest = max((len(sentence) for sentence in sentences), default=0)
        rows = [[*sentence, *[-1] * (longest - len(sentence))] for sentence in sentences]
        tokens = torch.tensor(rows, dtype=torch.long, device=device).reshape(len(rows), longest)
        windows, there = self._windows(tokens)
        grams, counts = self._numbers(windows[there]).unique(return_counts=True)
        levels = []
        for k in range(order, 0, -1):
            contexts, following = (grams // self.base).unique(return_inverse=True)
            totals = torch.zeros(len(contexts), dtype=torch.float64, device=device)
            levels.append(
                _Level(
                    grams=grams,
                    counts=counts.double(),
                    contexts=contexts,
                    totals=totals.index_add(0, following, counts.double()),
                    kinds=totals.index_add(0, following, torch.ones_like(counts, dtype=torch.float64)),
                )
            )
            grams, counts = (grams % self.base ** (k - 1)).unique(return_counts=True)
        self._levels = levels[::-1]

    def _windows(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Each event with its context: tokens `[N, T]`, -1 at the end -> windows `[N, T + 1, order]`.

        The second result, `[N, T + 1]`, says which windows are events.
        """
        count, lengths = len(tokens), (tokens >= 0).sum(1, keepdim=True)
        edge = tokens.new_full((count, 1), self.boundary)
        closed = torch.cat([edge.expand(-1, self.order - 1), tokens, edge], 1)
        closed = torch.where(closed < 0, self.boundary, closed)
        place = torch.arange(tokens.shape[1] + 1, device=tokens.device)
        return closed.unfold(1, self.order, 1), place <= lengths

    def _numbers(self, windows: Tensor) -> Tensor:
        """Maps k-grams `[..., k]` to their numbers `[...]`."""
        found = torch.zeros_like(windows[..., 0])
        for k in range(windows.shape[-1]):
            found = found * self.base + windows[..., k]
        return found

    def probability(self, windows: Tensor) -> Tensor:
        """P(latest token | tokens before it): `[..., order]`, each 0 to `size` -> `[...]`, float64."""
        number = self._numbers(windows)
        found = torch.full(number.shape, 1 / self.base, dtype=torch.float64, device=windows.device)
        for k, level in enumerate(self._levels, 1):
            gram = number % self.base**k
            count, _ = _looked_up(level.grams, gram, level.counts)
            total, known = _looked_up(level.contexts, gram // self.base, level.totals)
            kinds, _ = _looked_up(level.contexts, gram // self.base, level.kinds)
            smoothed = (count - self.discount).clamp(min=0) + self.discount * kinds * found
            found = torch.where(known, smoothed / total.where(known, 1.0), found)
        return found

    def log_perplexity(self, tokens: Tensor) -> Tensor:
        """Returns `[N]`, the mean of -ln P over the tokens of each sentence and its end boundary.

        Args:
            tokens: `[N, T]`, -1 at the end of shorter sentences.
        """
        windows, there = self._windows(tokens)
        logs = self.probability(windows).log().masked_fill(~there, 0)
        return -logs.sum(1) / there.sum(1)


def _looked_up(keys: Tensor, wanted: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the values of the keys that equal `wanted`, 0 if there is none; and whether there is one."""
    if not len(keys):
        return torch.zeros(wanted.shape, dtype=values.dtype, device=values.device), torch.zeros_like(wanted).bool()
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    there = keys[place] == wanted
    return values[place].where(there, 0.0), there


class Ngram(LanguageModel):
    """`KneserNey` on the surrogate sentences: it knows the kind of sentences and nothing else.

    Args:
        order: n, >= 1; 3 for trigrams.
        discount: subtracted from each count, in (0, 1].

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, order: int, discount: float) -> None:
        if order < 1:
            raise ValueError(f"order={order}: must be >= 1 (tokens of an n-gram)")
        if not 0 < discount <= 1:
            raise ValueError(f"discount={discount}: must lie in (0, 1] (taken from each count)")
        self.order, self.discount = order, discount

    @property
    def needs(self) -> frozenset[str]:
        """What it needs to be granted: surrogate sentences to learn from."""
        return frozenset({"surrogate"})

    def learn(self, seen: Observation) -> Disfluency:
        """Counts the n-grams of the surrogate sentences, and returns the function that scores sentences."""
        assert seen.task.language is not None and seen.surrogate is not None
        tokenizer, device = seen.task.language.tokenizer, seen.ids.device
        special = torch.tensor(sorted(tokenizer.special), dtype=torch.long, device=device)
        sentences = [[token for token in one if token not in tokenizer.special] for one in seen.surrogate]
        model = KneserNey(sentences, len(tokenizer), self.order, self.discount, device)

        def disfluency(tokens: Tensor) -> Tensor:
            return model.log_perplexity(compact(tokens, special))

        return disfluency


def compact(tokens: Tensor, special: Tensor) -> Tensor:
    """Removes special tokens and gaps from sentences `[N, T]`; the words keep their order, and -1 fills the rest.

    Example:
        >>> compact(torch.tensor([[2, 7, -1, 8, 3]]), torch.tensor([2, 3]))
        tensor([[ 7,  8, -1, -1, -1]])
    """
    out = torch.isin(tokens, special) | (tokens < 0)
    order = out.to(torch.uint8).argsort(dim=1, stable=True)
    return tokens.masked_fill(out, -1).gather(1, order)
