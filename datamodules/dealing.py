"""Which examples a victim's batch holds: pure functions of (seed, batch size, label rule) and of the dataset's labels.

The dataset is dealt in rounds. A round is one permutation, cut into batches by the label rule, no example twice; what
is left over when no further batch can be made sits this round out, and the next is a new permutation. A victim's number
says which batch of which round it gets, so it depends neither on how many victims there are nor on who asks for them.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from functools import lru_cache

import numpy as np

from bench.datamodules.pool import Integers
from bench.errors import UserError

RULES = ("random", "unique", "same")
IMAGES, LABELS = 0, 1  # separate streams of random numbers


def shuffled(count: int, seed: int, *stream: int) -> Integers:
    """A permutation of `range(count)`, fixed by `(seed, *stream)`.

    It sorts raw 64-bit words: NumPy promises that those never change, which it does not for `Generator.permutation`.
    """
    words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)).random_raw(count)
    return np.argsort(words, kind="stable").astype(np.int64)


def consecutive(order: Integers, size: int) -> Integers:
    """Batches of neighbours in `order`: `[count, size]`."""
    count = len(order) // size
    return order[: count * size].reshape(count, size)


def all_different(order: Integers, labels: Integers, size: int) -> Integers:
    """Batches of `size` different labels, `[count, size]`: each takes the earliest images of `order` that fit."""
    waiting: dict[int, deque[int]] = {}
    for place, label in enumerate(labels[order].tolist()):
        waiting.setdefault(label, deque()).append(place)
    heads = [(places[0], label) for label, places in waiting.items()]
    heapq.heapify(heads)
    batches = []
    while len(heads) >= size:
        taken = [heapq.heappop(heads) for _ in range(size)]
        batches.append([place for place, _ in taken])
        for _, label in taken:
            waiting[label].popleft()
            if waiting[label]:
                heapq.heappush(heads, (waiting[label][0], label))
    return order[np.array(batches, dtype=np.int64).reshape(-1, size)]


def all_equal(order: Integers, labels: Integers, size: int) -> Integers:
    """Batches of one label each, `[count, size]`, in the order in which they fill up."""
    filling: dict[int, list[int]] = {}
    batches = []
    for example, label in zip(order.tolist(), labels[order].tolist(), strict=True):
        batch = filling.setdefault(label, [])
        batch.append(example)
        if len(batch) == size:
            batches.append(filling.pop(label))
    return np.array(batches, dtype=np.int64).reshape(-1, size)


def drawn_labels(victim: int, seed: int, size: int, classes: int, rule: str) -> Integers:
    """Labels `[size]` that ignore the images: uniform over `classes`, all different, or one for all, by the rule."""
    if rule == "unique":
        return shuffled(classes, seed, LABELS, victim)[:size]
    words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(LABELS, victim))).random_raw(size)
    drawn = (words % np.uint64(classes)).astype(np.int64)
    return np.repeat(drawn[:1], size) if rule == "same" else drawn


class Dealer:
    """Deals the batch of any victim, in any order, at any time.

    Args:
        labels: `[N]`, int64.
        batch_size: B, 1 to N.
        seed: at least 0.
        rule: `random`, `unique` or `same`; `check_possible` says whether the labels allow it.
    """

    def __init__(self, labels: Integers, batch_size: int, seed: int, rule: str) -> None:
        self._labels, self._size, self._seed, self._rule = labels, batch_size, seed, rule
        self._starts = [0]  # the first victim of each round
        self._round = lru_cache(maxsize=4)(self._deal_round)

    def _deal_round(self, number: int) -> Integers:
        order = shuffled(len(self._labels), self._seed, IMAGES, number)
        if self._rule == "unique":
            return all_different(order, self._labels, self._size)
        if self._rule == "same":
            return all_equal(order, self._labels, self._size)
        return consecutive(order, self._size)

    def __call__(self, victim: int) -> tuple[Integers, int]:
        """The victim's examples `[B]` and how many rounds were dealt completely before it."""
        if victim < 0:
            raise ValueError(f"victim {victim}: numbers start at 0")
        while self._starts[-1] <= victim:
            batches = len(self._round(len(self._starts) - 1))
            if not batches:
                raise ValueError("the labels allow no batch at all; check_possible would have said so")
            self._starts.append(self._starts[-1] + batches)
        number = bisect_right(self._starts, victim) - 1
        return self._round(number)[victim - self._starts[number]], number


def check_possible(
    title: str,
    labels: Integers,
    names: tuple[str, ...] | None,
    classes: int | None,
    size: int,
    rule: str,
    own: bool,
    things: str = "images",
) -> None:
    """Refuse what the dataset `title` cannot deal.

    Args:
        title: what the dataset is called in the sentence.
        labels: `[N]`, the examples' own.
        names: the classes' names, if known.
        classes: how many, or None without labels.
        size: B.
        rule: one of `RULES`.
        own: whether victims keep the examples' own labels (else they are drawn).
        things: what the examples are, in the sentence.

    Raises:
        UserError: the batch is larger than the dataset, or the label rule cannot be kept.
    """
    if size > len(labels):
        raise UserError(f"data.batch_size={size}: data '{title}' has only {len(labels)} {things}")
    if classes is None and not (own and rule == "random"):
        asked = f"data.label_rule={rule}" if own else "data.labels=random"
        raise UserError(f"{asked}: data '{title}' has no labels (only data.label_rule=random data.labels=own)")
    if classes is not None and rule == "unique":
        different = len(np.unique(labels)) if own else classes
        if size > different:
            raise UserError(f"data.label_rule=unique: data '{title}' has {different} labels, data.batch_size={size}")
    if own and rule == "same":
        counts = np.bincount(labels)
        largest = int(counts.argmax())
        if size > counts[largest]:
            called = f"'{names[largest]}'" if names else str(largest)
            raise UserError(
                f"data.label_rule=same: the largest class of data '{title}', {called}, has {counts[largest]} {things}, "
                f"data.batch_size={size}"
            )
