"""A message moves as a whole: tensors, and those in dictionaries, while all else stays what it is."""

from dataclasses import dataclass, field

import pytest
import torch

from bench.messages.base import Message, require, rows_of


@dataclass(eq=False)
class Letter(Message):
    body: torch.Tensor
    parts: dict
    note: str
    length: int = field(init=False)

    def __post_init__(self) -> None:
        self.length = len(self.body)


def test_all_tensors_move_and_the_message_is_checked_anew():
    letter = Letter(torch.zeros(3), {"inner": {"w": torch.ones(2)}, "word": "x"}, "note")
    moved = letter.to("meta")
    assert moved.body.is_meta and moved.parts["inner"]["w"].is_meta and not letter.body.is_meta
    assert (moved.parts["word"], moved.note, moved.length) == ("x", "note", 3)


def test_rows_of_an_expanded_tensor_cost_no_memory():
    index = torch.tensor([2, 0])
    own, one = torch.arange(6).view(3, 2), torch.arange(2).expand(3, 2)
    assert rows_of(own, index).tolist() == [[4, 5], [0, 1]]
    assert rows_of(one, index).tolist() == [[0, 1], [0, 1]] and rows_of(one, index).stride(0) == 0


def test_what_does_not_hold_is_said():
    require(True, "never seen")
    with pytest.raises(ValueError, match="want this"):
        require(False, "want this")
