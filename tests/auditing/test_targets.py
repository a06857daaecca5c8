"""What targets are, and how they are coded."""

import pytest
import torch

from bench.auditing.kinds.base import Kind, Knowledge
from bench.auditing.kinds.lookup import kind_of
from bench.auditing.recorded_loss import LossCall
from bench.auditing.targets import targets_of
from bench.errors import UserError

SHAPES = {"images": (3, 6, 4), "signals": (2, 7), "tables": (5,), "sequences": (4, 3)}


def inputs(name: str, count: int = 3) -> torch.Tensor:
    return torch.rand(count, *SHAPES[name], generator=torch.Generator().manual_seed(0))


def kind(name: str, **known) -> Kind:
    return kind_of(name, inputs(name), Knowledge(**known))


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


@pytest.mark.parametrize(
    ("value", "known", "fits"), [(9.0, (0.0, 1.0), True), (11.0, (0.0, 1.0), False), (11.0, (9.0, 2.0), True)]
)
def test_real_targets_lie_within_ten_deviations_of_what_is_known(value: float, known, fits: bool) -> None:
    one, y = kind("images"), torch.full((3,), value)
    targets = targets_of(call("real", y, y), y, None, one, *known)
    if fits:
        assert torch.allclose(targets.decode(targets.encode(y, one), one), y, atol=1e-5)
    else:
        with pytest.raises(UserError, match="pass target_mean= and target_std="):
            targets.encode(y, one)
