"""Directions: where a victim's dummy goes next, given the gradients of its own objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Slots


class Direction(ABC):
    """Holds the rule; `Direction.start` makes the state that the loop carries along."""

    @abstractmethod
    def start(self, like: Tensor) -> Slots:
        """Empty state for slots shaped like `like` `[S, n]`."""

    @abstractmethod
    def clear(self, state: Slots, slots: Tensor) -> None:
        """Forgets the past of the slots where the mask `slots` `[S]` holds."""

    @abstractmethod
    def learn(self, state: Slots, s: Tensor, y: Tensor, slots: Tensor) -> None:
        """Takes in a step `s` `[S, n]` and the change of gradient `y` along it, where `slots` holds."""

    @abstractmethod
    def __call__(self, state: Slots, g: Tensor) -> Tensor:
        """The direction `[S, n]` at gradient `g` `[S, n]`."""

    @abstractmethod
    def has_past(self, state: Slots) -> Tensor:
        """`[S]`, whether the direction differs from plain steepest descent."""


@dataclass(eq=False)
class History(Slots):
    """Curvature pairs of S victims in ring buffers of m entries; empty entries are zero."""

    s: Tensor  # [S, m, n]
    y: Tensor  # [S, m, n]
    sy: Tensor  # [S, m, m], s_i . y_j (valid where pair i is not younger than pair j)
    yy: Tensor  # [S, m, m], y_i . y_j
    next: Tensor  # [S], the ring position that the next pair takes
    count: Tensor  # [S], pairs held
    gamma: Tensor  # [S], s.y / y.y of the youngest pair: the scale of the initial inverse Hessian


class LBFGS(Direction):
    """Limited-memory BFGS in the compact representation, all victims at once.

    H g = gamma g + S w - gamma Y u, with u = R^-1 S'g and w = R^-T ((D + gamma Y'Y) u - gamma Y'g), where R is the
    upper triangle of S'Y and D its diagonal (Byrd, Nocedal, Schnabel 1994, Mathematical Programming 63, equation 3.13).
    The same direction as the two-loop recursion of `torch.optim.LBFGS`, in six batched products instead of 4 m
    sequential ones; the m x m systems are solved in float64.

    Args:
        history: m, pairs kept.
        curvature: a pair is skipped unless s.y exceeds this.

    Raises:
        ValueError: history < 1 or curvature < 0.
    """

    def __init__(self, history: int, curvature: float) -> None:
        if history < 1:
            raise ValueError(f"history={history}: must be >= 1")
        if curvature < 0:
            raise ValueError(f"curvature={curvature}: must be >= 0")
        self.history = history
        self.curvature = curvature

    def start(self, like: Tensor) -> History:
        """Empty histories."""
        (slots, n), m = like.shape, self.history
        return History(
            s=like.new_zeros(slots, m, n),
            y=like.new_zeros(slots, m, n),
            sy=like.new_zeros(slots, m, m, dtype=torch.float64),
            yy=like.new_zeros(slots, m, m, dtype=torch.float64),
            next=torch.zeros(slots, dtype=torch.long, device=like.device),
            count=torch.zeros(slots, dtype=torch.long, device=like.device),
            gamma=like.new_ones(slots),
        )

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Empties the histories of those slots."""
        assert isinstance(state, History)
        for tensor in (state.s, state.y, state.sy, state.yy, state.next, state.count):
            tensor[slots] = 0
        state.gamma[slots] = 1

    def has_past(self, state: Slots) -> Tensor:
        """Slots that hold a pair."""
        assert isinstance(state, History)
        return state.count > 0

    def learn(self, state: Slots, s: Tensor, y: Tensor, slots: Tensor) -> None:
        """Adds the pair where its curvature is positive enough."""
        assert isinstance(state, History)
        sy = (s * y).sum(1)
        index = torch.nonzero(slots & (sy > self.curvature)).flatten()
        if not len(index):
            return
        at = state.next[index]
        state.s[index, at], state.y[index, at] = s[index], y[index]
        state.gamma[index] = sy[index] / (y[index] * y[index]).sum(1)
        state.next[index] = (at + 1) % self.history
        state.count[index] = (state.count[index] + 1).clamp(max=self.history)
        held = int(state.count.max())
        new_sy = _inner(state.s[:, :held], y)[index]
        new_yy = _inner(state.y[:, :held], y)[index]
        state.sy[index, :held, at] = new_sy
        state.yy[index, :held, at] = new_yy
        state.yy[index, at, :held] = new_yy

    def __call__(self, state: Slots, g: Tensor) -> Tensor:
        """`-H g`."""
        assert isinstance(state, History)
        held = int(state.count.max()) if len(state.count) else 0
        if held == 0:
            return -g
        s, y = state.s[:, :held], state.y[:, :held]
        p, q = _inner(s, g).unsqueeze(2), _inner(y, g).unsqueeze(2)  # [S, held, 1]
        order = self._by_age(state, held)
        row = order.unsqueeze(2)
        sy = state.sy[:, :held, :held].gather(1, row.expand(-1, -1, held)).gather(2, row.mT.expand(-1, held, -1))
        yy = state.yy[:, :held, :held].gather(1, row.expand(-1, -1, held)).gather(2, row.mT.expand(-1, held, -1))
        p, q = p.gather(1, row), q.gather(1, row)
        gamma = state.gamma.double().view(-1, 1, 1)
        diagonal = sy.diagonal(dim1=1, dim2=2).unsqueeze(2)  # zero where an entry is empty
        r = sy.triu() + torch.diag_embed((diagonal == 0).squeeze(2).double())
        u = torch.linalg.solve_triangular(r, p, upper=True)
        w = torch.linalg.solve_triangular(r.mT, diagonal * u + gamma * (yy @ u - q), upper=False)
        back = order.argsort(1).unsqueeze(2)
        w, u = w.gather(1, back).to(g.dtype), (gamma * u).gather(1, back).to(g.dtype)
        step = torch.bmm(w.mT, s) - torch.bmm(u.mT, y)
        return -(state.gamma.unsqueeze(1) * g + step.squeeze(1))

    def _by_age(self, state: History, held: int) -> Tensor:
        """`[S, held]`, ring positions from the oldest pair to the youngest (empty ones anywhere: they add nothing)."""
        positions = torch.arange(held, device=state.next.device).expand(len(state.next), held)
        if held < self.history:  # no ring has wrapped yet
            return positions
        return (positions + state.next.unsqueeze(1)) % held


def _inner(rows: Tensor, vector: Tensor) -> Tensor:
    """`[S, m, n]`, `[S, n]` -> `[S, m]` in float64.

    As a row times a matrix: on a CPU several times faster than `rows @ column`, for which the library copies `rows`.
    """
    return torch.bmm(vector.unsqueeze(1), rows.mT).squeeze(1).double()


class Gradient(Direction):
    """Steepest descent; carries no past."""

    def start(self, like: Tensor) -> Slots:
        """One dummy tensor, so that the state has a length."""
        return _Nothing(like.new_zeros(like.shape[0]))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Nothing to forget."""

    def learn(self, state: Slots, s: Tensor, y: Tensor, slots: Tensor) -> None:
        """Nothing to learn."""

    def has_past(self, state: Slots) -> Tensor:
        """Never."""
        assert isinstance(state, _Nothing)
        return torch.zeros_like(state.empty, dtype=torch.bool)

    def __call__(self, state: Slots, g: Tensor) -> Tensor:
        """`-g`."""
        return -g


@dataclass(eq=False)
class _Nothing(Slots):
    empty: Tensor  # [S]
