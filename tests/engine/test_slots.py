"""A state of slots: one leading dimension, of which some rows can be kept."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Nothing, Slots


@dataclass(eq=False)
class Pair(Slots):
    number: Tensor
    rows: Tensor


def test_keeping_slots_keeps_their_rows_of_every_field_in_the_order_asked_for() -> None:
    pair = Pair(torch.arange(4), torch.arange(8).view(4, 2))
    kept = pair.keep(torch.tensor([3, 1]))
    assert isinstance(kept, Pair) and (len(pair), len(kept)) == (4, 2)
    assert kept.number.tolist() == [3, 1] and kept.rows.tolist() == [[6, 7], [2, 3]]


def test_a_rule_without_memory_still_knows_how_many_slots_there_are() -> None:
    assert len(Nothing(torch.zeros(5)).keep(torch.tensor([0, 4, 2]))) == 3
