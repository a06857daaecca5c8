"""From the tokens that were there to the sentences that they were: a search that the second layer's span directs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.attacks.exact.span_check import nearest_first

Check = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Found:
    """A sentence, and how far it is from the second layer's span; the same sentence is the same, however far."""

    tokens: tuple[int, ...]
    distance: float = field(compare=False)


def from_left_to_right(
    check: Check, candidates: list[list[int]], alive: list[int], threshold: float, most: int, device: torch.device
) -> list[list[Found]]:
    """The beginnings of sentences of a decoder, position by position (Petrov et al. 2024, arXiv 2405.15586).

    Exact: what the second layer reads at a position depends on the tokens up to there alone.

    Args:
        check: sentences `[n, t]` to the distance of their last position `[n]`.
        candidates: the tokens of each position.
        alive: how many sentences are known to reach each position (0: unknown): one beginning at least is kept there.
        threshold: of the distance.
        most: beginnings that are kept at most.
        device: of the tokens.

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
    """The sentences among beginnings: those of the known lengths, or those that cannot be extended.

    Args:
        levels: of `from_left_to_right`.
        lengths: of the sentences, in order; None where they are not known.
        count: B, sentences at most.

    Returns:
        One for each length where they are known, no tokens where there is none; else as many as there are.
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
    """Finds sentences whose positions depend on each other, one token at a time.

    From a random choice at each position, every position in turn takes the token that brings the sentence nearest to
    the span, until none moves; at distance 0 the sentence was in the batch, and elsewhere another start is tried.
    Tokens of sentences that were found are left out of every second start: most stand in one sentence only.

    Departs from the paper, which tries combinations one after the other up to a bound (arXiv 2405.15586):
    there are B^T of them, and the distance says which way to go.

    Args:
        check: sentences `[n, T]` to distances `[n]`.
        threshold: of the distance.
        tries: starts at most.
        device: of the tokens.
    """

    check: Check
    threshold: float
    tries: int
    device: torch.device

    def __call__(
        self, candidates: list[list[int]], lengths: list[int], known: bool, count: int, random: Tensor, end: int | None
    ) -> list[Found]:
        """The sentences found, and the nearest that were not, as far as there are any.

        Args:
            candidates: the tokens of each position, the nearest first.
            lengths: of the sentences; where they are not known, those that there may be.
            known: whether each of `lengths` is one sentence.
            count: B, sentences to find.
            random: `[tries, T]`, uniform in [0, 1): where each start is.
            end: the token that ends every sentence, or None.

        Returns:
            Of known lengths one sentence each, in order; else at most `count`.
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
        """The lengths of the sentences that are still to be found, the shortest first."""
        waiting = sorted(lengths)
        for one in found:
            waiting.remove(len(one.tokens))
        return waiting

    def _descend(self, choices: list[list[int]], start: tuple[int, ...]) -> Found:
        sentence = list(start)
        best = float(self.check(torch.tensor([sentence], device=self.device))[0])
        places = [place for place, tokens in enumerate(choices) if len(tokens) > 1]
        still = 0  # places in a row that did not move
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
    """What may stand at each position of a sentence: the end at the last one only; what was found, left out."""
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
    """One sentence for each length: found, or else the nearest that was not."""
    sentences = []
    for place, length in enumerate(lengths):
        certain = [one for one in found if len(one.tokens) == length]
        others = sorted(missed.get(length, set()), key=lambda one: (one.distance, one.tokens))
        # where nothing else was met, the batch holds the same sentence more than once
        choices = certain + (others or certain * len(lengths))
        number = lengths[:place].count(length)
        sentences.append(choices[number] if number < len(choices) else Found((), torch.inf))
    return sentences
