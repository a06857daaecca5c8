"""The second derivative that matching attacks use, taken for victims at once and one by one."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional


def slopes(model: nn.Module, x: Tensor, mapped: bool) -> Tensor:
    """The derivative of all parameters' squared gradients with respect to the inputs of two victims.

    Each parameter counts relative to its own squared gradient, so that none is lost beside a larger one; what is zero
    but for rounding is left out. The victims have other parameters. One by one, plain autograd takes both derivatives,
    so that nothing is shared with `torch.func`.

    Args:
        model: maps `[B, C, H, W]` to logits `[B, classes]`.
        x: `[2, B, C, H, W]`.
        mapped: whether the two are taken by one call of `vmap`.

    Returns:
        `[2, B, C, H, W]`.
    """
    target = torch.arange(x.shape[1]) % 3
    buffers = dict(model.named_buffers())
    parameters = {n: torch.stack([p.detach(), 1.2 * p.detach() + 0.01]) for n, p in model.named_parameters()}

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional.cross_entropy(functional_call(model, (parameters, buffers), (x,)), target)

    x = x.clone().requires_grad_()
    if mapped:
        found = vmap(grad(loss))(parameters, x)
    else:
        rows = []
        for i in range(2):
            own = {n: p[i].clone().requires_grad_() for n, p in parameters.items()}
            rows.append(torch.autograd.grad(loss(own, x[i]), list(own.values()), create_graph=True))
        found = dict(zip(parameters, map(torch.stack, zip(*rows))))
    sizes = torch.stack([gradient.square().sum() for gradient in found.values()])
    sizes = sizes[sizes > 1e-20 * sizes.max()]
    return torch.autograd.grad((sizes / sizes.detach()).sum(), x)[0]


def check_mapped(model: nn.Module, shape: tuple[int, int, int], batch: int = 2) -> None:
    """Asserts in float64 that the mapped second derivative is that of plain autograd, one victim at a time.

    Rounding is 1e-16 per operation, of which there are many where the slope is zero; what vmap has got wrong without a
    word was wrong by 1e-1 (torch's LayerNorm).
    """
    model = model.double()
    x = torch.rand(2, batch, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = slopes(model, x, mapped=False)
    assert torch.isfinite(plain).all() and plain.abs().max() > 1e-6  # else all of it would be rounding
    torch.testing.assert_close(slopes(model, x, mapped=True), plain, rtol=1e-8, atol=1e-10 * float(plain.abs().max()))
