"""The tensors of a batch of any form."""

import collections
import dataclasses

import torch

from bench.auditing.leaves import in_float32, leaves, rebuilt

Pair = collections.namedtuple("Pair", "x y")


@dataclasses.dataclass
class Example:
    image: torch.Tensor
    name: str


def test_a_batch_of_any_form_is_rebuilt_with_other_tensors() -> None:
    one, two = torch.zeros(1), torch.ones(1)
    for batch in (one, (one, two), [one], {"a": one, "b": {"c": two}}, Pair(one, two), (Example(one, "n"), two)):
        there = leaves(batch)
        again = rebuilt(batch, {path: value + 5 for path, value in there.items()})
        assert type(again) is type(batch) and list(leaves(again)) == list(there)
        assert all(float(value) >= 5 for value in leaves(again).values())
        assert all(torch.equal(value, there[path]) for path, value in leaves(batch).items())  # it is not changed
    assert list(leaves((Example(one, "n"), two))) == ["0.image", "1"]


def test_numbers_become_float32_and_integers_stay() -> None:
    found = in_float32({"x": torch.zeros(1, dtype=torch.float64), "y": torch.zeros(1, dtype=torch.int32)})
    assert [value.dtype for value in found.values()] == [torch.float32, torch.int32]
