"""Second-order directions for sums of squares: Levenberg-Marquardt, and Gauss-Newton by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jvp, vjp

from bench.engine.directions import Direction, Iterate
from bench.engine.residuals import LeastSquares, Residuals, jacobian
from bench.engine.slots import Slots

_LOWEST, _HIGHEST = 1e-15, 1e6  # of the damping
_FACTOR = 10.0  # by which the damping changes after a step
_WHOLE = 0.99  # a step of at least this share of its direction was not shortened


@dataclass(eq=False)
class Damped(Slots):
    """The damping of S slots, their last direction, and what it cost."""

    damping: Tensor  # [S]
    d: Tensor  # [S, n]
    known: Tensor  # [S], whether `d` came from a Jacobian
    evaluations: Tensor  # [S], derivatives of the gradient that were computed for `d`


class GaussNewton(Direction):
    """d = -(J'J + lambda m I)^-1 J'r, with residuals r, their Jacobian J, and the mean m of the diagonal of J'J.

    This is the step of Levenberg and Marquardt (Nocedal and Wright 2006, section 10.3). The damping lambda falls
    tenfold after a step of full length, and rises tenfold after one that a line search made shorter.

    If a victim has more than `dense` variables, d is computed by conjugate gradients on J'J d = -J'r, which need
    products with J and J' only. They end, without damping, after `products` products, or as soon as the residual of
    these equations is below a tenth of J'r.

    Args:
        problem: the objective, whose slots are those of the loop.
        damping: lambda at the start, > 0.
        dense: the most variables for which J is computed as a whole.
        products: the most products with J'J per step.
    """

    def __init__(self, problem: LeastSquares, damping: float, dense: int, products: int) -> None:
        self.problem, self.damping, self.dense, self.products = problem, damping, dense, products

    def start(self, like: Tensor) -> Damped:
        """Makes the state of slots shaped like `like` `[S, n]`, before their first direction."""
        damping = like.new_full((len(like),), self.damping)
        none = torch.zeros(len(like), dtype=torch.long, device=like.device)
        return Damped(damping, torch.zeros_like(like), none.bool(), none)

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Forgets the past of the masked slots."""
        assert isinstance(state, Damped)
        state.damping.masked_fill_(slots, self.damping)
        state.known = state.known & ~slots

    def has_past(self, state: Slots) -> Tensor:
        """Says which slots `[S]` have a direction that came from a Jacobian."""
        assert isinstance(state, Damped)
        return state.known

    def cost(self, state: Slots) -> Tensor:
        """See `Direction.cost`: a product with J or J' counts as an evaluation; J itself is n products."""
        assert isinstance(state, Damped)
        return state.evaluations

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Returns the directions `[S, n]`; a slot whose equations cannot be solved gets steepest descent."""
        assert isinstance(state, Damped)
        self._adapt(state, at)
        state.evaluations = torch.zeros_like(state.evaluations)
        d = state.d.clone()
        waits = at.here if at.idle is None else at.here & ~at.idle  # a Jacobian is too dear for a slot without a victim
        for slot in torch.nonzero(waits).flatten().tolist():
            residuals, x = self.problem.residuals(slot), at.x[slot]
            if len(x) > self.dense:
                d[slot], spent = conjugate_gradients(residuals, x, at.g[slot] / 2, self.products)
            else:
                d[slot], spent = damped_step(residuals, x, at.g[slot] / 2, float(state.damping[slot])), len(x)
            state.evaluations[slot] = spent
        state.known = state.known | waits
        state.d = d
        return d

    def _adapt(self, state: Damped, at: Iterate) -> None:
        """Changes the damping of the slots that have just moved along their last direction."""
        moved = at.here & at.stepped & state.known
        length = (at.s * state.d).sum(1) / (state.d * state.d).sum(1).clamp(min=torch.finfo(at.x.dtype).tiny)
        other = torch.where(length >= _WHOLE, state.damping / _FACTOR, state.damping * _FACTOR)
        state.damping = torch.where(moved, other.clamp(_LOWEST, _HIGHEST), state.damping)


def damped_step(residuals: Residuals, x: Tensor, downhill: Tensor, damping: float) -> Tensor:
    """-(J'J + damping m I)^-1 J'r, by a Cholesky factor; more damping is added until there is one.

    Args:
        residuals: `[n] -> [e]`.
        x: `[n]`, where J is computed.
        downhill: J'r, `[n]`.
        damping: relative to m, the mean of the diagonal of J'J.

    Returns:
        `[n]`; -J'r if no damping up to 1e6 gives a factor, as where the derivative is not finite.
    """
    rows = jacobian(residuals, x)
    square = rows @ rows.mT
    m = square.diagonal().mean()
    while damping <= _HIGHEST:
        raised = square + damping * m * torch.eye(len(x), dtype=x.dtype, device=x.device)
        factor, failed = torch.linalg.cholesky_ex(raised)
        if not failed and torch.isfinite(factor).all():
            return -torch.cholesky_solve(downhill.unsqueeze(1), factor).squeeze(1)
        damping = max(damping, _LOWEST) * _FACTOR
    return -downhill


def conjugate_gradients(residuals: Residuals, x: Tensor, downhill: Tensor, products: int) -> tuple[Tensor, int]:
    """Solves J'J d = -J'r without J (Nocedal and Wright 2006, algorithm 5.2).

    Args:
        residuals: `[n] -> [e]`.
        x: `[n]`, where J is taken.
        downhill: J'r, `[n]`.
        products: the most products with J'J.

    Returns:
        `d` `[n]`, and the products with J and J' that it took; `d` is -J'r where J'J is zero along it or not finite.
    """
    backward = vjp(residuals, x)[1]
    d, left = torch.zeros_like(x), -downhill
    search, size = left, left @ left
    enough, done = 1e-2 * size, 0
    while done < products and size > enough:
        along = jvp(residuals, (x,), (search,))[1]
        (turned,) = backward(along)
        done += 1
        curvature = along @ along
        if not curvature > 0:  # also where it is not finite
            return (d if done > 1 else -downhill), 2 * done
        step = size / curvature
        d, left = d + step * search, left - step * turned
        before, size = size, left @ left
        search = left + size / before * search
    return d, 2 * done
