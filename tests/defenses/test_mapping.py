"""A function on many entries: the same results whether it is mapped or called in a loop."""

import pytest
import torch

from bench.defenses.mapping import each, stacked


def rotated(tree, number):
    return {"sum": tree["a"] + number, "pair": (tree["b"].flip(0), number)}


@pytest.mark.parametrize("mappable", [True, False])
@pytest.mark.parametrize("chunk", [None, 2])
def test_each_entry_is_given_its_own_part_of_every_tree(mappable: bool, chunk: int | None) -> None:
    tree = {"a": torch.arange(3.0), "b": torch.arange(6.0).view(3, 2)}
    found = each(rotated, (tree, 10 * torch.arange(3.0)), mappable, chunk)
    assert found["sum"].tolist() == [0.0, 11.0, 22.0]
    assert found["pair"][0].tolist() == [[1, 0], [3, 2], [5, 4]] and found["pair"][1].tolist() == [0, 10, 20]


def test_a_loop_serves_what_cannot_be_mapped() -> None:
    assert each(lambda x: -x if x > 1 else x, (torch.arange(4.0),), mappable=False).tolist() == [0, 1, -2, -3]


def test_trees_are_stacked_leaf_by_leaf_in_order() -> None:
    found = stacked(lambda i: {"x": torch.full((2,), i), "none": ()}, 3)
    assert found["x"].tolist() == [[0, 0], [1, 1], [2, 2]] and found["none"] == ()
