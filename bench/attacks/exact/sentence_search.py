"""From the tokens of each position to whole sentences: searches guided by the span of the second attention layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.attacks.exact.span_check import nearest_first

Check = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Found:
    """A sentence and its distance from the second layer's span; equal sentences are equal at any distance."""

    tokens: tuple[int, ...]
    distance: float = field(compare=False)


def from_left_to_right(
    check: Check, candidates: list[list[int]], alive: list[int], threshold: float, most: int, device: torch.device
) -> list[list[Found]]:
    """Finds the beginnings of a decoder's sentences, position by position (Petrov et al. 2024, arXiv 2405.15586).

    The search is exact, because the second layer's input at a position depends only on the tokens up to there.

    Args:
        check: maps sentences `[n, t]` to the distance of their last position `[n]`.
        candidates: the tokens of each position.
        alive: how many sentences are known to reach each position, 0 if unknown; if it is positive, at least one
            beginning is kept there.
        threshold: a beginning passes up to this distance.
        most: the most beginnings that are kept per position.
        device: device of the tokens.

    Returns:
        For each position, the beginnings that end there.
    """
    levels: list[list[Found]] = []
    begun: list[tuple[int, ...]] = [()]
    for tokens, least in zip(candidates, alive):
        longer = [(*beginning, token) for beginning in begun for token in tokens]
        if not longer:
            break
        distance = check(torch.tensor(longer, device=device))
        kept = nearest_first(distance, threshold, 1 if least else 0, most)
        if not kept:
            break
        levels.append([Found(longer[i], float(distance[i])) for i in kept])
        begun = [found.tokens for found in levels[-1]]
    return levels


def ended(levels: list[list[Found]], lengths: list[int] | None, count: int) -> list[Found]:
    """Selects the sentences among beginnings: those of the known lengths, or those that cannot be extended.

    Args:
        levels: as returned by `from_left_to_right`.
        lengths: the lengths of the sentences, in order; None if they are not known.
        count: B, the most sentences.

    Returns:
        If lengths are known, one sentence per length, without tokens if there is none; else all sentences found, the
        nearest first, B at most.
    """
    extended = {found.tokens[:-1] for level in levels for found in level}
    if lengths is None:
        whole = [found for level in levels for found in level if found.tokens not in extended]
        return sorted(whole, key=lambda found: found.distance)[:count]
    left = {
        length: sorted(levels[length - 1], key=lambda found: (found.tokens in extended, found.distance))
        for length in set(lengths)
        if 1 <= length <= len(levels)
    }
    taken = dict.fromkeys(left, 0)
    sentences = []
    for length in lengths:
        choices = left.get(length, [])
        sentences.append(choices[taken[length] % len(choices)] if choices else Found((), torch.inf))
        if choices:
            taken[length] += 1
    return sentences


@dataclass(eq=False)
class Descent:
    """Finds sentences whose positions depend on each other, by changing one token at a time.

    The search starts from a random choice at each position. Each position in turn takes the token that brings the
    sentence nearest to the span, until no position changes. At a distance within the threshold the sentence was in the
    batch; otherwise another start is tried. Every second start leaves out tokens of sentences already found, because
    most tokens occur in one sentence only.

    Departs from the paper (arXiv 2405.15586), which tries combinations one after the other up to a bound: there are B^T
    combinations, and the distance says which way to go.

    Args:
        check: maps sentences `[n, T]` to distances `[n]`.
        threshold: a sentence passes up to this distance.
        tries: the most starts.
        device: device of the tokens.
    """

    check: Check
    threshold: float
    tries: int
    device: torch.device

    def __call__(
        self, candidates: list[list[int]], lengths: list[int], known: bool, count: int, random: Tensor, end: int | None
    ) -> list[Found]:
        """Returns the sentences found and, if lengths are known, the nearest misses in place of those not found.

        Args:
            candidates: the tokens of each position, the nearest first.
            lengths: the lengths of the sentences, or all possible lengths if they are not known.
            known: whether each entry of `lengths` is the length of one sentence.
            count: B, the number of sentences to find.
            random: `[tries, T]`, uniform on [0, 1), which choose the starts.
            end: the token that ends every sentence, or None.

        Returns:
            If lengths are known, one sentence per length, in order; else at most `count` sentences.
        """
        found: list[Found] = []
        missed: dict[int, set[Found]] = {}
        begun: set[tuple[int, ...]] = set()
        for attempt in range(self.tries):
            waiting = self._open(lengths, found) if known else lengths
            if not waiting or len(found) == count:
                break
            length = waiting[attempt % len(waiting)]
            choices = _choices(candidates[:length], end, found if attempt % 2 == 0 else [])
            start = tuple(
                tokens[int(number * len(tokens))] for tokens, number in zip(choices, random[attempt].tolist())
            )
            if start in begun:
                continue
            begun.add(start)
            claim = self._descend(choices, start)
            if claim.distance <= self.threshold and claim not in found:
                found.append(claim)
            elif claim not in found:
                missed.setdefault(length, set()).add(claim)
        return _in_order(found, missed, lengths) if known else found

    @staticmethod
    def _open(lengths: list[int], found: list[Found]) -> list[int]:
        """Returns the lengths of the sentences that have not been found yet, the shortest first."""
        waiting = sorted(lengths)
        for one in found:
            waiting.remove(len(one.tokens))
        return waiting

    def _descend(self, choices: list[list[int]], start: tuple[int, ...]) -> Found:
        sentence = list(start)
        best = float(self.check(torch.tensor([sentence], device=self.device))[0])
        places = [place for place, tokens in enumerate(choices) if len(tokens) > 1]
        still = 0  # number of consecutive places that did not change
        while still < len(places) and best > self.threshold:
            for place in places:
                others = [token for token in choices[place] if token != sentence[place]]
                rivals = torch.tensor([[*sentence[:place], token, *sentence[place + 1 :]] for token in others])
                distance = self.check(rivals.to(self.device))
                nearest = int(distance.argmin())
                moves = float(distance[nearest]) < best
                if moves:
                    sentence[place], best = others[nearest], float(distance[nearest])
                still = 0 if moves else still + 1
                if still >= len(places) or best <= self.threshold:
                    break
        return Found(tuple(sentence), best)


def _choices(candidates: list[list[int]], end: int | None, found: list[Found]) -> list[list[int]]:
    """The tokens that may stand at each position: the end token only at the last, and none of `found` if possible."""
    choices = []
    for place, tokens in enumerate(candidates):
        last = place == len(candidates) - 1
        if end is not None and last:
            choices.append([end])
            continue
        inner = [token for token in tokens if token != end] or tokens
        taken = {one.tokens[place] for one in found if place < len(one.tokens)}
        choices.append([token for token in inner if token not in taken] or inner)
    return choices


def _in_order(found: list[Found], missed: dict[int, set[Found]], lengths: list[int]) -> list[Found]:
    """Returns one sentence per length: one that was found, or else the nearest miss."""
    sentences = []
    for place, length in enumerate(lengths):
        certain = [one for one in found if len(one.tokens) == length]
        others = sorted(missed.get(length, set()), key=lambda one: (one.distance, one.tokens))
        # If no other sentence was met, the batch holds the same sentence more than once.
        choices = certain + (others or certain * len(lengths))
        number = lengths[:place].count(length)
        sentences.append(choices[number] if number < len(choices) else Found((), torch.inf))
    return sentences
