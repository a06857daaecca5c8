"""The published attack, written plainly: one victim, `torch.optim.LBFGS`, autograd twice. Slow and obviously right."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from bench.messages.observation import Observation


def minimise(
    closure_value: Callable[[Tensor], Tensor],
    start: Tensor,
    steps: int,
    inner: int = 20,
    history: int = 100,
    lr: float = 1.0,
    each: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """`steps` calls of torch's L-BFGS on one vector; `each` sees the vector after each call."""
    z = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([z], lr=lr, max_iter=inner, history_size=history)

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = closure_value(z)
        value.backward()
        return value

    for _ in range(steps):
        optimiser.step(closure)
        if each is not None:
            each(z.detach().clone())
    return z.detach()


def matching_objective(seen: Observation, victim: int, labels: Tensor | None, model: torch.nn.Module):
    """The objective of DLG (labels None) or iDLG for one victim, with a real module and `torch.autograd.grad`."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(seen.parameters[name][victim])
    observed = [seen.gradients[name][victim] for name, _ in model.named_parameters()]
    pixels = int(torch.tensor(seen.task.input_shape).prod()) * (seen.batch_size or 1)

    def value(z: Tensor) -> Tensor:
        images = z[:pixels].reshape(seen.batch_size, *seen.task.input_shape)
        logits = model(images)
        if labels is None:
            soft = z[pixels:].reshape(seen.batch_size, -1).softmax(-1)
            loss = -(soft * functional.log_softmax(logits, -1)).sum(-1).mean()
        else:
            loss = functional.cross_entropy(logits, labels[victim])
        gradients = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        return sum(((g - o) ** 2).sum() for g, o in zip(gradients, observed))  # type: ignore[return-value]

    return value


def published(seen: Observation, victim: int, labels: Tensor | None, model, start: Tensor, steps: int) -> Tensor:
    """The published loop: `steps` calls, stopped as iDLG's code does where the label is known."""
    value = matching_objective(seen, victim, labels, model)
    z = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([z])

    def closure() -> Tensor:
        optimiser.zero_grad()
        objective = value(z)
        objective.backward(inputs=[z])
        return objective

    optimiser = torch.optim.LBFGS([z], lr=1.0, max_iter=20, history_size=100)
    for step in range(steps):
        optimiser.step(closure)
        if step % 10 == 0:
            now = float(closure())
            if (labels is not None and now < 1e-6) or now != now:
                break
    return z.detach()
