"""Each kind of inputs: what is laid out comes back, and controls know nothing of a gradient."""

import pytest
import torch

from bench.auditing.kinds.base import Kind, Knowledge
from bench.auditing.kinds.lookup import kind_of, names
from bench.config.compose import compose
from bench.errors import UserError

SHAPES = {"images": (3, 6, 4), "signals": (2, 7), "tables": (5,), "sequences": (4, 3)}


def test_every_kind_has_a_shape_here() -> None:
    assert set(names()) == set(SHAPES)


def inputs(name: str, count: int = 3) -> torch.Tensor:
    return torch.rand(count, *SHAPES[name], generator=torch.Generator().manual_seed(0))


def kind(name: str, **known) -> Kind:
    return kind_of(name, inputs(name), Knowledge(**known))


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("known", [{}, {"mean": 0.4, "std": 0.5}])
def test_what_is_laid_out_comes_back(name: str, known: dict) -> None:
    x = inputs(name)
    given = (x - 0.4) / 0.5 if known and name == "images" else x
    one = kind(name, **known)
    packed = one.pack(given)
    assert packed.shape == (len(x), *one.packed)
    assert torch.allclose(one.to_user()(packed), given, atol=1e-5)
    assert one.packed[0] * one.packed[1] * one.packed[2] == x[0].numel()


@pytest.mark.parametrize("name", names())
def test_controls_and_scores_are_there(name: str) -> None:
    one = kind(name, public=inputs(name, 20))
    truth = one.pack(inputs(name))
    controls = one.controls(truth)
    assert set(one.blanks) < set(controls) and "the mean of public data" in controls
    assert all(value.shape == truth.shape for value in controls.values())
    for value in one.scores(truth, truth).values():
        assert value.shape == (3,)
    compose(["attack=strongest", *one.settings])  # its settings are keys of the ensemble


@pytest.mark.parametrize(
    ("name", "x"),
    [("images", 3.0), ("images", -0.1), ("signals", 99.0), ("tables", -99.0), ("sequences", 99.0)],
)
def test_inputs_beyond_what_is_known_are_refused(name: str, x: float) -> None:
    with pytest.raises(UserError, match=r"pass (range=|mean=)"):
        kind(name).pack(torch.full((1, *SHAPES[name]), x))
