"""The published loop: one victim after another, a real module, `torch.optim.LBFGS`, autograd twice.

The published code (mit-han-lab/dlg and PatrickZH/Improved-Deep-Leakage-from-Gradients on GitHub) makes 300 calls of
`step()` with a learning rate of 1, 20 iterations per call, a history of 100 and no line search. At the first call and
every 10th after it, the objective is computed once more; iDLG ends if it is below 1e-6.

Departs in three points, each to the loop's advantage. Images and label logits are one vector, so the optimiser handles
one tensor. The outer gradient is not accumulated for the weights too. A run whose objective is NaN is given up.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from bench.messages.observation import Observation
from bench.models.second_derivative import Loss

STEPS, INNER, HISTORY, LR = 300, 20, 100, 1.0
LOOK_EVERY, ENOUGH = 10, 1e-6


@dataclass(eq=False)
class Moment:
    """The state of a run after a call of `step()`: the variables `[n]`, and the number of evaluations so far."""

    z: Tensor
    evaluations: int


class SequentialLoop:
    """Runs the published loop on one victim at a time, with one module into which the victim's weights are copied.

    Args:
        model: the client's model; it is copied, not changed.
        loss: `(logits [B, K], targets) -> scalar`.
        seen: all that the attacker sees of the victims.
        labels: `[V, B]`, class indices (iDLG); None optimises label logits under a softmax (DLG).
    """

    def __init__(self, model: nn.Module, loss: Loss, seen: Observation, labels: Tensor | None) -> None:
        assert seen.batch_size is not None
        self.model, self.loss = copy.deepcopy(model).to(seen.ids.device), loss
        self.seen, self.labels = seen, labels
        self.shape = (seen.batch_size, *seen.task.input_shape)
        self.names = [name for name, weight in self.model.named_parameters() if weight.requires_grad]
        self.weights = [self.model.get_parameter(name) for name in self.names]

    def run(self, victim: int, start: Tensor) -> Iterator[Moment]:
        """Runs one victim and yields a `Moment` after each call of `step()`.

        Args:
            victim: the victim's position in the pool.
            start: the first values of the variables, `[n]`.
        """
        self._load(victim)
        z = start.clone().requires_grad_()
        optimiser = torch.optim.LBFGS([z], lr=LR, max_iter=INNER, history_size=HISTORY)
        evaluations = 0

        def closure() -> Tensor:
            nonlocal evaluations
            evaluations += 1
            optimiser.zero_grad()
            value = self.objective(victim, z)
            value.backward(inputs=[z])
            return value

        for step in range(STEPS):
            optimiser.step(closure)
            now = float(closure().detach()) if step % LOOK_EVERY == 0 else None
            yield Moment(z.detach(), evaluations)
            if now is not None and (now != now or (self.labels is not None and now < ENOUGH)):
                return

    def objective(self, victim: int, z: Tensor) -> Tensor:
        """The squared distance between the gradient at `z` `[n]` and the shared one, `sum_l ||g_l - g*_l||^2`."""
        pixels = prod(self.shape)
        logits = self.model(z[:pixels].reshape(self.shape))
        if self.labels is None:
            targets = z[pixels:].reshape(self.shape[0], -1).softmax(-1)
        else:
            targets = self.labels[victim]
        gradients = torch.autograd.grad(
            self.loss(logits, targets), self.weights, create_graph=True, materialize_grads=True
        )
        return sum(((g - o) ** 2).sum() for g, o in zip(gradients, self._observed))  # type: ignore[return-value]

    def _load(self, victim: int) -> None:
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                weight.copy_(self.seen.parameters[name][victim])
            for name, buffer in self.model.named_buffers():
                if name in self.seen.buffers:
                    buffer.copy_(self.seen.buffers[name][victim])
        self._observed = [self.seen.gradients[name][victim] for name in self.names]
