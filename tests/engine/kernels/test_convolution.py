"""Ours against torch's, to the second derivative, over shapes that fill no tile, no register and no image."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional

from bench.engine.kernels import convolution
from bench.engine.kernels.layout import beside

FLOAT64 = torch.float64


@st.composite
def shapes(draw, most: int = 9):
    """Victims, batch, channels in and out, then sides, kernel, stride and padding of both axes."""
    victims, batch, inward, outward = (draw(st.integers(1, n)) for n in (19, 3, 5, 6))
    size, kernel = (draw(st.tuples(st.integers(1, n), st.integers(1, n))) for n in (most, 4))
    stride, padding = (draw(st.tuples(*2 * [st.integers(n, 3)])) for n in (1, 0))
    assume(all(side + 2 * pad >= k for side, k, pad in zip(size, kernel, padding)))
    return victims, batch, inward, outward, size, kernel, stride, padding


def made(shape: tuple, dtype: torch.dtype = FLOAT64) -> tuple[Tensor, Tensor]:
    """Inputs and weights."""
    victims, batch, inward, outward, size, kernel, *_ = shape
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(victims, batch, inward, *size, generator=generator, dtype=dtype)
    return x, torch.randn(victims, outward, inward, *kernel, generator=generator, dtype=dtype)


def theirs(x: Tensor, w: Tensor, stride: tuple, padding: tuple) -> Tensor:
    return torch.stack([functional.conv2d(one, own, None, stride, padding) for one, own in zip(x, w)])


def twice(convolve, x: Tensor, w: Tensor, stride: tuple, padding: tuple) -> list[Tensor]:
    """The convolution, gradients by both, and the gradients of a function of these by both."""
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    y = convolve(x, w, stride, padding)
    first = torch.autograd.grad(y.sin().sum(), (x, w), create_graph=True)
    second = torch.autograd.grad(sum((g * g).sin().sum() for g in first), (x, w))
    return [y.detach(), *(g.detach() for g in first), *second]


@given(shapes())
@settings(max_examples=60)
def test_it_is_the_convolution_of_torch_to_the_second_derivative(shape) -> None:
    """In float64 with up to some hundred terms a sum, squared twice: 1e-9 of the largest entry."""
    x, w = made(shape)
    ours = twice(convolution.output, x, w, *shape[-2:])
    for found, expected in zip(ours, twice(theirs, x, w, *shape[-2:])):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max() + 1))


@given(shapes())
@settings(max_examples=30)
def test_in_float32_it_is_right_to_rounding(shape) -> None:
    """Against float64, with up to 240 products a sum: 1e-5 of the largest entry."""
    x, w = made(shape, torch.float32)
    expected = theirs(x.double(), w.double(), *shape[-2:])
    y = convolution.output(x, w, *shape[-2:])
    assert y.dtype == torch.float32
    torch.testing.assert_close(y.double(), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@given(shapes(most=4))
@settings(max_examples=15)
def test_finite_differences_agree_to_the_second_derivative(shape) -> None:
    """`gradcheck` differentiates numerically, in float64 and with its own tolerances; one victim in three suffices."""
    _, batch, inward, outward, *rest = shape
    x, w = made((2, batch, min(inward, 2), min(outward, 2), *rest))
    x.requires_grad_(), w.requires_grad_()

    def convolve(x: Tensor, w: Tensor) -> Tensor:
        return convolution.output(x, w, *shape[-2:])

    assert torch.autograd.gradcheck(convolve, (x, w)) and torch.autograd.gradgradcheck(convolve, (x, w))


@pytest.mark.parametrize("dtype", [torch.float32, FLOAT64])
@given(shapes())
@settings(max_examples=20)
def test_a_victim_is_the_same_to_the_bit_in_any_company_and_layout(dtype, shape) -> None:
    """Registers of 64 and of 32 bytes, full or not, and all strides: the sums of a victim have one order."""
    x, w = made(shape, dtype)
    y = torch.randn(theirs(x, w, *shape[-2:]).shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    together = three(x, w, y, *shape[-2:])
    for found, same in zip(together, three(beside(x), beside(w), beside(y), *shape[-2:])):
        assert torch.equal(found, same)
    for victim in range(len(x)):
        alone = three(x[victim, None], w[victim, None], y[victim, None], *shape[-2:])
        for found, same in zip(together, alone):
            assert torch.equal(found[victim], same[0])


def three(x: Tensor, w: Tensor, y: Tensor, stride: tuple, padding: tuple) -> tuple[Tensor, Tensor, Tensor]:
    """What each of the three operations makes of the other two tensors."""
    return (
        convolution.output(x, w, stride, padding),
        convolution.input(w, y, x.shape[3:], stride, padding),
        convolution.weight(x, y, w.shape[3:], stride, padding),
    )


def mapped(convolve, x: Tensor, w: Tensor, in_dims: tuple[int | None, int | None]) -> Tensor:
    """What gradient matching computes: the gradient by x of a function of gradients by w that vmap has mapped."""

    def gradient(x: Tensor, w: Tensor) -> Tensor:
        return grad(lambda own: convolve(x, own).sin().sum())(w)

    x = x.clone().requires_grad_()
    return torch.autograd.grad(vmap(gradient, in_dims)(x, w).square().sum(), x)[0]


@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0), (1, 2)])
def test_vmap_makes_more_victims(in_dims) -> None:
    x, w = made((4, 4, 4, 4, (4, 4), (3, 3), (2, 1), (1, 0)))
    x, w = (value[0] if dim is None else value for value, dim in zip((x, w), in_dims))
    ours = mapped(lambda x, w: convolution.output(x[None], w[None], (2, 1), (1, 0)).squeeze(0), x, w, in_dims)
    expected = mapped(lambda x, w: functional.conv2d(x, w, None, (2, 1), (1, 0)), x, w, in_dims)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["output", "input", "weight"])
def test_the_operations_are_what_torch_wants_of_its_own(name: str) -> None:
    """Schemas, fake tensors with the right strides, and tracing, by `torch.library.opcheck`."""
    x, w = made((3, 2, 3, 4, (6, 5), (3, 2), (2, 1), (1, 0)))
    y, sizes = convolution.output(x, w, (2, 1), (1, 0)), ([2, 1], [1, 0])
    arguments = {"output": (x, w), "input": (w, y, [6, 5]), "weight": (x, y, [3, 2])}[name]
    operation = getattr(torch.ops.leakbench, f"convolution_{name}").default
    tests = ("test_schema", "test_faketensor")
    assert set(torch.library.opcheck(operation, (*arguments, *sizes), test_utils=tests).values()) == {"SUCCESS"}
    assert operation(*arguments, *sizes).stride(0) == 1


def test_what_does_not_belong_together_is_refused() -> None:
    """The C code would read beyond the end of a tensor."""
    x, w = made((3, 2, 3, 4, (6, 5), (3, 2), (1, 1), (0, 0)))
    y = convolution.output(x, w, (1, 1), (0, 0))
    for wrong in (x[:2], x[:, :, :2]):
        with pytest.raises(ValueError, match="no convolution of"):
            convolution.output(wrong, w, (1, 1), (0, 0))
    for size in ((7, 5), (5, 5)):
        with pytest.raises(ValueError, match="no convolution of"):
            convolution.input(w, y, size, (1, 1), (0, 0))
    with pytest.raises(ValueError, match="want one type"):
        convolution.output(x, w.float(), (1, 1), (0, 0))


def test_a_sum_over_no_examples_is_zero() -> None:
    x, y = torch.zeros(3, 0, 2, 5, 5), torch.zeros(3, 0, 4, 3, 3)
    assert torch.equal(convolution.weight(x, y, (3, 3), (1, 1), (0, 0)), torch.zeros(3, 4, 2, 3, 3))
