"""How well claimed labels agree with the true ones: the one place where both meet in a cell of label inference."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LabelScore:
    """What is right in the labels that were claimed for one batch.

    With n_c true and m_c claimed labels of class c, `right` is the multiset overlap `sum_c min(n_c, m_c)`.

    Args:
        labels: the number of true labels, which is B if each example has one.
        right: how many of them are claimed. If all examples are paired with the claims in the best way, this many have
            their own label, so right / labels is also the instance accuracy.
        classes_right: the number of classes that occur and are claimed.
        classes_true: the number of classes that occur.
        classes_claimed: the number of classes that are claimed.
    """

    labels: int
    right: int
    classes_right: int
    classes_true: int
    classes_claimed: int


def score(claimed: Tensor, truth: Tensor) -> LabelScore:
    """Compares the labels of one batch, whose order says nothing.

    Args:
        claimed: int64, any shape; a negative number is no claim.
        truth: int64, any shape; a negative number is no label, as at a place of a sentence where nothing is predicted.

    Example:
        >>> import torch
        >>> score(torch.tensor([3, 3, 1, 0]), torch.tensor([3, 1, 1, 3]))
        LabelScore(labels=4, right=3, classes_right=2, classes_true=2, classes_claimed=3)
    """
    true, found = counts(truth), counts(claimed)
    return LabelScore(true.total(), (true & found).total(), len(true.keys() & found.keys()), len(true), len(found))


def counts(labels: Tensor) -> Counter[int]:
    """How often each class occurs among labels of any shape; negative numbers are left out."""
    return Counter(label for label in labels.flatten().tolist() if label >= 0)
