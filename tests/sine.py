"""An operation that is differentiated once and no more."""

import torch


class Sine(torch.autograd.Function):
    """The sine, whose backward cannot be differentiated again."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()
