"""The loop of Inverting Gradients, written plainly: one victim, `torch.optim.Adam` on the sign of the gradient."""

import torch
from torch import Tensor
from torch.nn import functional

from bench.messages.observation import Observation


def invert(
    seen: Observation, victim: int, labels: Tensor, model: torch.nn.Module, start: Tensor, steps: int, tv: float
) -> tuple[Tensor, float]:
    """Returns the last image `[n]` of one victim's run, and the objective there.

    Args:
        seen: the observation of all victims.
        victim: position of the victim in it.
        labels: `[V, B]`.
        model: the client's, into which the victim's weights are copied.
        start: `[n]`, the first image.
        steps: number of steps.
        tv: weight of the total variation.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(seen.parameters[name][victim])
        for name, buffer in model.named_buffers():
            buffer.copy_(seen.buffers[name][victim])
    parameters = list(model.parameters())
    observed = [seen.gradients[name][victim] for name, _ in model.named_parameters()]
    x = start.reshape(seen.batch_size, *seen.task.input_shape).clone().requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.1)
    milestones = [round(fraction * steps) for fraction in (3 / 8, 5 / 8, 7 / 8)]
    rates = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=0.1)

    def objective() -> Tensor:
        gradient = torch.autograd.grad(
            functional.cross_entropy(model(x), labels[victim]), parameters, create_graph=True
        )
        product = sum((g * o).sum() for g, o in zip(gradient, observed))
        lengths = [sum(g.pow(2).sum() for g in of).sqrt() for of in (gradient, observed)]  # type: ignore[union-attr]
        across = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean()
        down = (x[:, :, 1:, :] - x[:, :, :-1, :]).abs().mean()
        return 1 - product / (lengths[0] * lengths[1]) + tv * (across + down)

    for _ in range(steps):
        optimiser.zero_grad()
        objective().backward(inputs=[x])
        x.grad.sign_()  # type: ignore[union-attr]
        optimiser.step()
        rates.step()
        with torch.no_grad():
            x.clamp_(0, 1)
    return x.detach().flatten(), float(objective().detach())
