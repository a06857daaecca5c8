"""Edits that change only the order of a sentence's tokens: LAMP tries them between its gradient steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

KINDS = ("swap", "token", "span", "prefix")


def edited(order: Sequence[int], kind: str, random: Sequence[float]) -> list[int]:
    """Returns one edit of a sequence (Balunovic et al. 2022, arXiv 2202.08827, section 4).

    Args:
        order: at least one item.
        kind: `swap` swaps two items, `token` moves one item, `span` moves some adjacent items, and `prefix` moves the
            first items to the end.
        random: three numbers, uniform on [0, 1), that choose the places; the edit may leave the sequence as it is.

    Raises:
        ValueError: `kind` is another word.

    Example:
        >>> edited("abcde", "swap", (0.0, 0.9, 0.0)), edited("abcde", "token", (0.0, 0.9, 0.0))
        (['e', 'b', 'c', 'd', 'a'], ['b', 'c', 'd', 'e', 'a'])
        >>> edited("abcde", "span", (0.2, 0.4, 0.9)), edited("abcde", "prefix", (0.3, 0.0, 0.0))
        (['a', 'd', 'e', 'b', 'c'], ['c', 'd', 'e', 'a', 'b'])
    """
    new, count = list(order), len(order)
    first, second, third = random
    if kind == "swap":
        i, j = int(first * count), int(second * count)
        new[i], new[j] = new[j], new[i]
        return new
    if kind == "prefix":
        end = min(1 + int(first * (count - 1)), count)
        return new[end:] + new[:end]
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: want one of {', '.join(KINDS)}")
    begin = int(first * count)
    end = begin + 1 if kind == "token" else begin + 1 + int(second * (count - begin))
    rest = new[:begin] + new[end:]
    to = int((second if kind == "token" else third) * (len(rest) + 1))
    return rest[:to] + new[begin:end] + rest[to:]


def edits(free: Tensor, random: Tensor) -> Tensor:
    """Returns candidate orders of a sentence's places; the first changes nothing, the others are edits by kind in turn.

    Args:
        free: `[T]`, bool, the places whose tokens may move; the others keep theirs.
        random: `[K, 3]`, uniform on [0, 1).

    Returns:
        `[K, T]`, int64, each row a permutation of 0 to T - 1: place t gets the token of place `row[t]`.
    """
    places = free.nonzero().flatten().tolist()
    found = torch.arange(len(free)).repeat(len(random), 1)
    if not places:
        return found
    for k, row in enumerate(random.tolist()[1:], 1):
        found[k, places] = torch.tensor(edited(places, KINDS[k % len(KINDS)], row))
    return found


def shuffled(free: Tensor, random: Tensor) -> Tensor:
    """Returns orders of a sentence's places in which the free places are shuffled.

    Args:
        free: `[..., T]`, bool.
        random: `[..., T]`, uniform on [0, 1); the free places are sorted by these numbers.

    Returns:
        `[..., T]`, int64, permutations as `edits` returns them.
    """
    # Two sorts put the free places first: one orders them by place, the other by chance.
    place = torch.arange(free.shape[-1], device=free.device).expand(free.shape)
    far = 2 * free.shape[-1]
    slots = torch.where(free, place, place + far).argsort(-1)
    drawn = torch.where(free, random, random + 2).argsort(-1)
    order = torch.where(torch.arange(free.shape[-1], device=free.device) < free.sum(-1, keepdim=True), drawn, slots)
    return torch.empty_like(order).scatter(-1, slots, order)
