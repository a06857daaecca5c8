"""A second derivative that is missing, or that autograd loses without a word, is found out."""

import pytest
import torch
from sine import Sine
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import UserError
from bench.models.second_derivative import check_second_derivative, first_line

BLANK, TARGETS = torch.full((2, 1, 2, 3), 0.5), torch.tensor([0, 2])


def check(model: nn.Module) -> None:
    check_second_derivative(model, functional.cross_entropy, BLANK, TARGETS, "Net")


class Net(nn.Module):
    """Two linear layers with an activation between them."""

    def __init__(self, act) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.act = nn.Linear(6, 5), nn.Linear(5, 4), act

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x.flatten(1))))


class Jumping(Net):
    """A branch on the data, at the edge of which the blank image stands."""

    def __init__(self, up: bool) -> None:
        super().__init__(torch.sigmoid)
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (3.0 if (x.mean() > 0.5 if self.up else x.mean() < 0.5) else 1.0)


@pytest.mark.parametrize("up", [True, False])
def test_a_jump_on_one_side_is_no_lost_derivative(up: bool) -> None:
    """One of the two stands in the way of the first finite difference; the other side tells."""
    check(Jumping(up))


@pytest.mark.parametrize(
    "act", [torch.sigmoid, torch.relu, torch.sin, lambda z: z], ids=["sigmoid", "relu", "sin", "none"]
)
def test_sound_models_pass_with_kinks_too(act) -> None:
    check(Net(act))


class Slope(torch.autograd.Function):
    """The cosine, without a derivative."""

    @staticmethod
    def forward(ctx, z):
        return z.cos()

    @staticmethod
    def backward(ctx, g):
        raise RuntimeError("the slope has no derivative\nmore of it")


class Once(torch.autograd.Function):
    """The sine, whose slope raises an error if it is differentiated."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.sin()

    @staticmethod
    def backward(ctx, g):
        return g * Slope.apply(ctx.saved_tensors[0])


def test_an_operation_without_a_second_derivative_is_refused_in_the_words_of_its_error() -> None:
    says = r"^model Net has no second derivative \(the gradient cannot be .*\): the slope has no derivative$"
    with pytest.raises(UserError, match=says):
        check(Net(Once.apply))


class Halved(torch.autograd.Function):
    """The square of a number, with a backward that forgets that its slope depends on it."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.square()

    @staticmethod
    def backward(ctx, g):
        return g * 2 * ctx.saved_tensors[0].detach()


@pytest.mark.parametrize("act", [Sine.apply, Halved.apply], ids=["once_differentiable", "detached"])
def test_one_that_is_lost_silently_is_refused_too(act) -> None:
    """The input reaches the gradient by another path, so autograd raises nothing, and gives a part of the truth."""
    with pytest.raises(UserError, match="what autograd gives for it is not what finite differences give"):
        check(Net(act))


def test_many_layers_that_saturate_are_no_fault() -> None:
    """The gradient hardly depends on the input, so that every difference is rounding, which tells nothing."""
    torch.manual_seed(0)
    layers = [layer for _ in range(30) for layer in (nn.Linear(6, 6), nn.Sigmoid())]
    check(nn.Sequential(nn.Flatten(), *layers, nn.Linear(6, 4)))


def test_a_model_whose_parameters_do_not_count_is_named() -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.beside = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[:, :4]

    with pytest.raises(UserError, match="no trainable parameter enters the loss, so every gradient is zero"):
        check(Fixed())


def test_an_error_in_one_line() -> None:
    assert first_line(RuntimeError("\nshape\nmore")) == "shape" and first_line(KeyError()) == "KeyError"


@pytest.mark.slow
def test_many_relus_of_a_large_batch_are_no_lost_term(parties) -> None:
    """Each of ten million ReLUs has a kink; with all 32 images some lie within every step of the finite differences."""
    large = ["data=samples", "data.set=mnist", "data.label_rule=replacement", "data.batch_size=32", "data.victims=1"]
    assert parties("attack=noise", "model=convnet16", *large).client.facts.parameters > 0
