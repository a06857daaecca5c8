"""What a model can do is found by trying, and each refusal is one line."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.errors import UserError
from bench.models.introspect import introspect
from bench.models.lenet import LeNet

SHAPE = (3, 8, 8)


def look(model: nn.Module, classes: int = 4):
    return introspect(model, functional.cross_entropy, SHAPE, classes, 2)


def test_a_model_that_is_one_linear_layer() -> None:
    class Flat(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.flatten(1))

    facts = look(Flat(192, 4, bias=False))
    assert (facts.last_linear, facts.last_bias) == ("weight", None)


def test_a_model_without_last_linear_layer() -> None:
    facts = look(nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten()))
    assert facts.last_linear is None


class Cut(torch.autograd.Function):
    """An operation whose backward cannot be differentiated."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


class NoSecond(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(192, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Cut.apply(self.fc(x.flatten(1)))


class DataDependent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(192, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1)) * (2.0 if x.mean() > 0.5 else 1.0)


def test_what_vmap_cannot_take_is_found_out() -> None:
    assert not look(DataDependent()).mappable


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (NoSecond(), "no second derivative"),
        (LeNet(4, (2, 2, 1), "sigmoid", None, None, None, shape=(1, 8, 8), classes=4), "does not take images of 3x8x8"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 7)), r"want logits \[2, 4\]"),
        (nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(192, 4)).train(), "is random"),
    ],
    ids=["no second derivative", "channels", "classes", "dropout"],
)
def test_refusals(model: nn.Module, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        look(model)
    assert "\n" not in str(caught.value)


class Vector(nn.Module):
    """Values that are not finite, by the weights or by an operation."""

    def __init__(self, weight: float, factor: float) -> None:
        super().__init__()
        self.fc, self.factor = nn.Linear(192, 4), factor
        nn.init.constant_(self.fc.weight, weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1)) * self.factor


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Vector(float("nan"), 1.0), "not finite .*: fc.weight hold NaN or infinity"),
        (Vector(1.0, float("inf")), "not finite .*: its weights are finite"),
        (nn.Flatten(), "Flatten has no parameters"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).requires_grad_(False), "has no trainable parameters"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(192, 1)),
            r"\[2, 1\]; want .*single output .* is not served.*two logits",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 1), nn.Flatten(0)), "single output"),
    ],
    ids=["NaN weights", "infinity inside", "no parameters", "all frozen", "one output", "one number"],
)
def test_models_without_a_gradient_to_match_are_named(model: nn.Module, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        look(model)
    assert "random" not in str(caught.value) and "\n" not in str(caught.value)


def test_backward_hooks_are_named() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    model[1].register_full_backward_hook(lambda *_: None)
    with pytest.raises(UserError, match=r"torch.func cannot take its gradient \(backward hooks"):
        look(model)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (lambda z, y: functional.cross_entropy(z, y, reduction="none"), r"returns \[2\] .*want one number"),
        (lambda z, y: 0.5, "returns a float"),
        (functional.binary_cross_entropy_with_logits, "does not take .* class indices .*targets that are no class"),
        (lambda z, y: functional.mse_loss(z[:1], y[:1]), "does not take .* class indices"),
    ],
    ids=["a vector", "a float", "several findings", "real targets"],
)
def test_a_loss_of_anything_but_class_indices_is_named(loss, says: str) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    with pytest.raises(UserError, match=says) as caught:
        introspect(model, loss, SHAPE, 4, 2)
    assert "\n" not in str(caught.value)


def test_a_loss_that_takes_indices_only_is_no_fault_of_the_model() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    plain = introspect(model, functional.cross_entropy, SHAPE, 4, 2)
    assert introspect(model, lambda z, y: functional.nll_loss(z.log_softmax(1), y), SHAPE, 4, 2) == plain
