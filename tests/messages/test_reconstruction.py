"""What an attack returns: checked where it is made, and taken apart victim by victim."""

import pytest
import torch

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status

TOKENS = torch.tensor([[[2, 7, 4, 3]], [[2, 9, 3, 0]]])
NUMBERS, COUNTS = torch.zeros(2), torch.tensor([4, 5])
GIVEN = {
    "ids": torch.tensor([8, 3]),
    "inputs": TOKENS,
    "labels": torch.zeros(2, 1, dtype=torch.int64),
    "objective": NUMBERS,
    "iterations": COUNTS,
    "evaluations": COUNTS,
    "seconds": NUMBERS,
    "status": [Status.BUDGET, Status.DIVERGED],
}


def test_a_reconstruction_is_of_images_rows_series_or_tokens():
    assert len(Reconstruction(**GIVEN)) == 2
    for shape in ((2, 1, 1, 2, 2), (2, 1, 3), (2, 1, 2, 5)):
        assert len(Reconstruction(**{**GIVEN, "inputs": torch.full(shape, torch.nan)})) == 2
    with pytest.raises(ValueError, match=r"or int64 tokens \[V, B, T\]"):
        Reconstruction(**{**GIVEN, "inputs": TOKENS.int()})


@pytest.mark.parametrize("name", ["ids", "objective", "iterations", "evaluations", "seconds", "status", "labels"])
def test_a_part_for_another_number_of_victims_is_named(name):
    with pytest.raises(ValueError, match=f"^{name}: want"):
        Reconstruction(**{**GIVEN, name: GIVEN[name][:1]})


def test_one_by_one_it_is_the_same_in_order_with_its_trace():
    trace = {"moments": torch.tensor([[0, 1], [0, 2]]), "curve": torch.tensor([[0.5], [0.7]])}
    first, second = Reconstruction(**GIVEN, trace=trace).each()
    assert (first.ids.tolist(), second.ids.tolist()) == ([8], [3])
    assert (first.status, second.status) == ([Status.BUDGET], [Status.DIVERGED])
    assert torch.equal(second.inputs, TOKENS[1:]) and second.evaluations.tolist() == [5]
    assert second.trace["moments"].tolist() == [[0, 2]] and first.trace["curve"].tolist() == [[0.5]]
