"""Each kind of inputs: what is laid out comes back, and controls know nothing of a gradient."""

import importlib

import pytest
import torch

from bench.auditing.kinds import lookup
from bench.auditing.kinds.base import Kind, Knowledge
from bench.auditing.kinds.lookup import kind_of, names
from bench.auditing.kinds.signals import correlation
from bench.auditing.recorded_loss import LossCall
from bench.auditing.targets import targets_of
from bench.config.compose import compose
from bench.errors import UserError

SHAPES = {"images": (3, 6, 4), "signals": (2, 7), "tables": (5,), "sequences": (4, 3)}


def inputs(name: str, count: int = 3) -> torch.Tensor:
    return torch.rand(count, *SHAPES[name], generator=torch.Generator().manual_seed(0))


def kind(name: str, **known) -> Kind:
    return kind_of(name, inputs(name), Knowledge(**known))


def test_every_kind_has_a_shape_here() -> None:
    assert set(names()) == set(SHAPES)


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


def test_a_kind_goes_by_dimensions_or_by_its_name() -> None:
    for name in ("images", "signals", "tables"):
        assert (
            type(kind_of(None, inputs(name), Knowledge()))
            is importlib.import_module(f"{lookup.room.__name__}.{name}").KIND
        )
    assert kind("sequences").name == "sequences"


def test_public_data_give_mean_and_deviation() -> None:
    public = torch.tensor([[1.0, 10.0], [3.0, 10.0], [5.0, 10.0]])
    one = kind_of("tables", public, Knowledge(public=public))
    standard = one.standard(one.pack(public))  # type: ignore[attr-defined]
    assert torch.allclose(standard.flatten(1)[:, 0], torch.tensor([-1.0, 0.0, 1.0]), atol=1e-5)
    assert torch.allclose(standard.flatten(1)[:, 1], torch.zeros(3), atol=1e-5)  # a constant column has deviation 1


def test_correlation_is_that_of_pearson() -> None:
    x = torch.randn(2, 1, 1, 9, generator=torch.Generator().manual_seed(0))
    y = x + torch.randn(2, 1, 1, 9, generator=torch.Generator().manual_seed(1))
    wanted = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).double())[0, 1] for a, b in zip(x, y)]
    assert torch.allclose(correlation(y, x), torch.stack(wanted))


def call(kind: str, output: torch.Tensor, target: torch.Tensor) -> LossCall:
    return LossCall(torch.nn.functional.mse_loss, kind, output, target, {}, torch.zeros(()))


@pytest.mark.parametrize(
    ("name", "what", "output", "target", "found"),
    [
        ("tables", "real", torch.zeros(3, 1), torch.tensor([[0.3], [-2.0], [5.0]]), "real"),
        ("images", "real", torch.zeros(3), torch.tensor([0.3, -2.0, 5.0]), "real"),
        ("images", "real", torch.zeros(3, 6, 4), torch.randn(3, 6, 4).clamp(-5, 5), "real"),
        ("signals", "binary", torch.zeros(3, 4), (torch.rand(3, 4) > 0.5).float(), "binary"),
        ("images", "binary", torch.zeros(3, 1, 6, 4), (torch.rand(3, 1, 6, 4) > 0.5).float(), "binary"),
        ("tables", "classes", torch.zeros(3, 4), torch.rand(3, 4).softmax(1), "probabilities"),
        ("images", "classes", torch.zeros(3, 5, 6, 4), torch.randint(5, (3, 6, 4)), "mask"),
    ],
)
def test_coded_targets_come_back(name: str, what: str, output, target, found: str) -> None:
    one = kind(name)
    targets = targets_of(call(what, output, target), target, None, one, 0.5, 2.0)
    assert targets.kind == found
    coded = targets.encode(target, one)
    assert coded.shape == (3, targets.channels, *one.packed[1:])
    low, high = one.span
    assert float(coded.min()) >= low and float(coded.max()) <= high
    back = targets.decode(coded, one)
    wanted = torch.nn.functional.one_hot(target, 5).movedim(-1, 1).float() if found == "mask" else target
    assert torch.allclose(back, wanted, atol=1e-5)


def test_classes_are_counted_by_the_output_and_never_by_the_batch() -> None:
    labels = torch.tensor([0, 1, 1])
    found = targets_of(call("classes", torch.zeros(3, 7), labels), labels, None, kind("tables"), 0.0, 1.0)
    assert (found.kind, found.classes, found.channels) == ("classes", 7, 0)
