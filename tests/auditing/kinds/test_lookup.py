"""A kind goes by its dimensions or its name."""

import importlib

import pytest
import torch

from bench.auditing.kinds import lookup
from bench.auditing.kinds.base import Kind, Knowledge
from bench.auditing.kinds.lookup import kind_of
from bench.errors import UserError

SHAPES = {"images": (3, 6, 4), "signals": (2, 7), "tables": (5,), "sequences": (4, 3)}


def inputs(name: str, count: int = 3) -> torch.Tensor:
    return torch.rand(count, *SHAPES[name], generator=torch.Generator().manual_seed(0))


def kind(name: str, **known) -> Kind:
    return kind_of(name, inputs(name), Knowledge(**known))


def test_a_kind_goes_by_dimensions_or_by_its_name() -> None:
    for name in ("images", "signals", "tables"):
        assert (
            type(kind_of(None, inputs(name), Knowledge()))
            is importlib.import_module(f"{lookup.room.__name__}.{name}").KIND
        )
    assert kind("sequences").name == "sequences"


@pytest.mark.parametrize("name", ["images", "signals", "sequences"])
def test_only_rows_of_a_table_have_categories(name: str) -> None:
    with pytest.raises(UserError, match=f"^categories= is for rows of a table .* the inputs are {name}$"):
        kind(name, categories=[[0, 1]])
