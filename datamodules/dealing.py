"""Which examples a victim's batch holds: pure functions of seed, batch size, label rule and the dataset's labels.

The dataset is dealt in rounds. A round is a permutation that is cut into batches by the label rule, such that no
example occurs twice. Examples that are left when no further batch can be made are not used in this round. The next
round is a new permutation. A victim's number determines which batch of which round it gets, so its batch does not
depend on the number of victims or on the process.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from functools import lru_cache

import numpy as np

from bench.datamodules.pool import Integers
from bench.errors import UserError

RULES = ("random", "unique", "same", "replacement")
IMAGES, LABELS, LINE_UP = 0, 1, 7  # numbers of separate random streams; those between are used elsewhere


def shuffled(count: int, seed: int, *stream: int) -> Integers:
    """Returns a permutation of `range(count)`, determined by `(seed, *stream)`.

    It sorts raw 64-bit words, because NumPy promises that these never change, which it does not for
    `Generator.permutation`.

    Args:
        count: length of the permutation.
        seed: seed, >= 0.
        stream: numbers of the random stream.
    """
    words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)).random_raw(count)
    return np.argsort(words, kind="stable").astype(np.int64)


def consecutive(order: Integers, size: int) -> Integers:
    """Cuts `order` into batches of consecutive entries: `[count, size]`."""
    count = len(order) // size
    return order[: count * size].reshape(count, size)


def all_different(order: Integers, labels: Integers, size: int) -> Integers:
    """Returns batches of `size` different labels, `[count, size]`, from the earliest images of `order` that fit.

    Args:
        order: a permutation of the examples.
        labels: `[N]`, int64.
        size: B.
    """
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
    """Returns batches of one label each, `[count, size]`, in the order in which they are filled.

    Args:
        order: a permutation of the examples.
        labels: `[N]`, int64.
        size: B.
    """
    filling: dict[int, list[int]] = {}
    batches = []
    for example, label in zip(order.tolist(), labels[order].tolist(), strict=True):
        batch = filling.setdefault(label, [])
        batch.append(example)
        if len(batch) == size:
            batches.append(filling.pop(label))
    return np.array(batches, dtype=np.int64).reshape(-1, size)


def drawn(count: int, size: int, seed: int, *stream: int) -> Integers:
    """Draws numbers below `count` uniformly and with replacement, `[size]`.

    Args:
        count: N.
        size: how many are drawn; it may be above N.
        seed: seed, >= 0.
        stream: numbers of the random stream.
    """
    words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)).random_raw(size)
    return (words % np.uint64(count)).astype(np.int64)


def drawn_labels(victim: int, seed: int, size: int, classes: int, rule: str) -> Integers:
    """Draws a victim's labels `[size]`, whatever its examples are.

    Args:
        victim: number of the victim.
        seed: seed, >= 0.
        size: B.
        classes: number of classes, from which labels are drawn uniformly.
        rule: `unique` for different labels, `same` for one label for all; else each label is drawn for itself.
    """
    if rule == "unique":
        return shuffled(classes, seed, LABELS, victim)[:size]
    found = drawn(classes, size, seed, LABELS, victim)
    return np.repeat(found[:1], size) if rule == "same" else found


class Dealer:
    """Deals the batch of any victim, in any order.

    Args:
        labels: `[N]`, int64.
        batch_size: B, 1 to N; without an upper bound if examples are drawn with replacement.
        seed: seed, >= 0.
        rule: one of `RULES`; `check_possible` checks if the labels allow it. With `replacement`, each example of a
            batch is drawn for itself, so an example may be in a batch twice.
    """

    def __init__(self, labels: Integers, batch_size: int, seed: int, rule: str) -> None:
        self._labels, self._size, self._seed, self._rule = labels, batch_size, seed, rule
        self._starts = [0]  # the first victim of each round
        self._round = lru_cache(maxsize=4)(self._deal_round)

    def _deal_round(self, number: int) -> Integers:
        if self._rule == "replacement":  # each round is one batch
            return drawn(len(self._labels), self._size, self._seed, IMAGES, number)[None]
        order = shuffled(len(self._labels), self._seed, IMAGES, number)
        if self._rule == "unique":
            return all_different(order, self._labels, self._size)
        if self._rule == "same":
            return all_equal(order, self._labels, self._size)
        return consecutive(order, self._size)

    def __call__(self, victim: int) -> tuple[Integers, int]:
        """Returns the victim's examples `[B]`, and the number of rounds that were dealt completely before it.

        With `replacement`, a round is one batch.

        Raises:
            ValueError: the number is negative, or the labels allow no batch.
        """
        if victim < 0:
            raise ValueError(f"victim {victim}: numbers start at 0")
        while self._starts[-1] <= victim:
            batches = len(self._round(len(self._starts) - 1))
            if not batches:
                raise ValueError("the labels allow no batch at all; check_possible refuses such labels")
            self._starts.append(self._starts[-1] + batches)
        number = bisect_right(self._starts, victim) - 1
        return self._round(number)[victim - self._starts[number]], number


def check_classes(title: str, labels: Integers, classes: int | None) -> None:
    """Refuses a dataset with a label that names none of its classes.

    Args:
        title: name of the dataset in the message.
        labels: `[N]`, the labels of the examples; all 0 if they have none.
        classes: number of classes, or None if there are no labels.

    Raises:
        UserError: the message names the first such label and the range.
    """
    limit = 1 if classes is None else classes
    outside = labels[(labels < 0) | (labels >= limit)]
    if len(outside):
        raise UserError(f"data '{title}': label {outside[0]} is outside the class range 0..{limit - 1}")


def check_possible(
    title: str,
    labels: Integers,
    names: tuple[str, ...] | None,
    classes: int | None,
    size: int,
    rule: str,
    own: bool,
    modality: str = "images",
) -> None:
    """Refuses what the dataset `title` cannot deal.

    Args:
        title: name of the dataset in the message.
        labels: `[N]`, the labels of the examples.
        names: names of the classes, if known.
        classes: number of classes, or None if there are no labels.
        size: B.
        rule: one of `RULES`.
        own: whether victims keep the labels of their examples; otherwise labels are drawn.
        modality: what the message calls the examples.

    Raises:
        UserError: the batch is larger than the dataset, or the label rule cannot be kept.
    """
    if size > len(labels) and rule != "replacement":
        raise UserError(
            f"data.batch_size={size}: data '{title}' has only {len(labels)} {modality} "
            "(data.label_rule=replacement draws with replacement)"
        )
    if classes is None and not (own and rule in ("random", "replacement")):
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
                f"data.label_rule=same: the largest class of data '{title}', {called}, has {counts[largest]} "
                f"{modality}, data.batch_size={size}"
            )
