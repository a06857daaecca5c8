"""Layers that are left out, by name or because whole columns were masked."""

from dataclasses import replace

import pytest
import torch

from bench.errors import NotApplicable
from bench.objectives.gradient_transforms import TransformedObjective
from bench.objectives.layers import Layers, masked_columns
from bench.objectives.squared_error import squared_error


def some(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    shapes = {"conv": (2, 4, 3, 3, 3), "fc.weight": (2, 5, 7), "fc.bias": (2, 5)}
    return {n: torch.randn(shape, generator=g, dtype=torch.float64) for n, shape in shapes.items()}


def test_masked_columns_are_seen_and_scattered_or_complete_zeros_are_not() -> None:
    weight = torch.ones(4, 5, 7)
    weight[1, :, 3] = 0  # a column
    weight[2, 2, 3] = 0  # an entry
    weight[3] = 0  # everything: no column stands out
    assert masked_columns(weight).tolist() == [False, True, False, False]


def test_auto_leaves_the_masked_layer_out_of_those_victims_only() -> None:
    ours, shared = some(0), some(1)
    shared["fc.weight"][1, :, [0, 4]] = 0
    found = TransformedObjective(squared_error, [Layers("auto")])(ours, shared)
    whole = squared_error(ours, shared)
    rest = squared_error(ours, {n: v for n, v in shared.items() if n != "fc.weight"})
    torch.testing.assert_close(found, torch.stack([whole[0], rest[1]]))


def test_named_parameters_are_left_out() -> None:
    ours, shared = some(0), some(1)
    found = TransformedObjective(squared_error, [Layers(["fc.weight", "conv"])])(ours, shared)
    torch.testing.assert_close(found, ((ours["fc.bias"] - shared["fc.bias"]) ** 2).sum(1))


def test_names_are_the_models_and_leave_something(parties) -> None:
    built = parties("attack=idlg")
    seen = built.client.share(built.data.deal([0]))
    Layers(["fc.weight"]).check(seen)
    with pytest.raises(
        NotApplicable, match=r"no gradient of a parameter 'fc.wieght' is shared \(there are .*fc.weight"
    ):
        Layers(["fc.wieght"]).check(seen)
    with pytest.raises(NotApplicable, match="nothing is left"):
        Layers(list(seen.gradients)).check(replace(seen))
    with pytest.raises(ValueError, match="name a parameter"):
        Layers([])


def test_names_need_to_be_known_and_columns_can_be_seen() -> None:
    assert Layers(["fc.weight"]).needs == {"defense_known"}
    assert Layers("auto").needs == frozenset()
