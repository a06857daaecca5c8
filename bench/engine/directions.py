"""Directions in which dummy inputs move, computed per victim from the gradients of its own objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.engine.kernels import history as kernel
from bench.engine.slots import Nothing, Slots


@dataclass
class Iterate:
    """S victims at their iterates, and the steps that led there; fields are `[S, n]`, masks `[S]`."""

    x: Tensor
    g: Tensor  # gradient at x
    s: Tensor  # the step that led to x
    g_before: Tensor  # gradient where the step began
    stepped: Tensor  # mask: the iterate was reached by a finite step (false at a start)
    here: Tensor  # mask: slots that need a direction now; the history of the others stays
    idle: Tensor | None = None  # mask: slots whose victim has finished, or that have none; None if that is not known

    @cached_property
    def y(self) -> Tensor:
        """The change of the gradient along the step `[S, n]`; computed on demand, since only some directions use it."""
        return self.g - self.g_before


class Direction(ABC):
    """A rule for directions; `Direction.start` makes the state that the loop passes back to it."""

    @abstractmethod
    def start(self, like: Tensor) -> Slots:
        """Makes an empty state for slots shaped like `like` `[S, n]`."""

    @abstractmethod
    def clear(self, state: Slots, slots: Tensor) -> None:
        """Forgets the past of the slots for which the mask `slots` `[S]` holds."""

    @abstractmethod
    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Records the steps in `state` and returns the directions `[S, n]`, of any value outside of `at.here`."""

    @abstractmethod
    def has_past(self, state: Slots) -> Tensor:
        """Says for each slot `[S]` whether its direction uses past steps, unlike plain steepest descent."""

    def can_restart(self, state: Slots) -> Tensor:
        """Says for each slot `[S]` whether another direction is left once a search along the present one has failed."""
        return self.has_past(state)

    def cost(self, state: Slots) -> Tensor | None:
        """The evaluations that the last directions took beside that of the objective, `[S]`; None if they took none."""
        return None

    def restricted(self, state: Slots, d: Tensor) -> Tensor:
        """Returns the part of `d` `[S, n]` along which the slots may move now; by default all of it."""
        return d


@dataclass(eq=False)
class History(Slots):
    """Curvature pairs of S victims in ring buffers of m entries; empty entries are zero.

    R is the matrix of the products s_i . y_j for which pair i is not younger than pair j. It is upper triangular if
    pairs are sorted by age. Rows and columns are stored at ring positions instead, since no product below depends on
    their order.
    """

    s: Tensor  # [S, m, n]
    y: Tensor  # [S, m, n]
    sg: Tensor  # [S, m], s_i . g at the iterate
    yg: Tensor  # [S, m], y_i . g
    sy: Tensor  # [S, m], s_i . y_i
    yy: Tensor  # [S, m, m], y_i . y_j
    r: Tensor  # [S, m, m], the inverse of R
    next: Tensor  # [S], the ring position that the next pair takes
    count: Tensor  # [S], pairs held
    gamma: Tensor  # [S], s.y / y.y of the youngest pair: the scale of the initial inverse Hessian


@dataclass
class Pair:
    """The newest pairs of k slots, at most one per slot; all fields are `[k]`."""

    slots: Tensor
    at: Tensor  # ring positions
    sy: Tensor  # s.y, float64
    yy: Tensor  # y.y, float64


class LBFGS(Direction):
    """Limited-memory BFGS in the compact representation, for all victims at once.

    H g = gamma g + S w - gamma Y u, with u = R^-1 S'g and w = R^-T ((D + gamma Y'Y) u - gamma Y'g), where R is the
    upper triangle of S'Y and D its diagonal (Byrd, Nocedal, Schnabel 1994, Mathematical Programming 63, equation 3.13).

    This is the direction of the two-loop recursion of `torch.optim.LBFGS`. It takes four batched products with the
    history instead of 4 m sequential ones: S'y and Y'y are differences of S'g and Y'g from one iterate to the next
    (section 3.2 of the paper).

    On a processor with a C compiler, `bench.engine.kernels.history` computes the same, one victim after another.

    We keep R^-1 instead of R. A new pair adds a column, and the row and column of the oldest pair are removed, since
    the inverse of a trailing triangle is the trailing triangle of the inverse. All m x m algebra is in float64.

    Args:
        history: m, the number of pairs kept per victim.
        curvature: a pair is skipped unless its product s.y exceeds this, >= 0.

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
        """Makes empty histories for slots shaped like `like` `[S, n]`."""
        (slots, n), m = like.shape, self.history
        double = like.new_zeros(slots, m, dtype=torch.float64)
        square = like.new_zeros(slots, m, m, dtype=torch.float64)
        return History(
            s=kernel.zeros((slots, m, n), like),
            y=kernel.zeros((slots, m, n), like),
            sg=double,
            yg=double.clone(),
            sy=double.clone(),
            yy=square,
            r=square.clone(),
            next=torch.zeros(slots, dtype=torch.long, device=like.device),
            count=torch.zeros(slots, dtype=torch.long, device=like.device),
            gamma=like.new_ones(slots),
        )

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Empties the histories of the masked slots."""
        assert isinstance(state, History)
        for tensor in (state.s, state.y, state.sg, state.yg, state.sy, state.yy, state.r, state.next, state.count):
            tensor[slots] = 0
        state.gamma[slots] = 1

    def has_past(self, state: Slots) -> Tensor:
        """Says which slots `[S]` hold at least one pair."""
        assert isinstance(state, History)
        return state.count > 0

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Returns `-H g` `[S, n]`, after adding the new pairs whose curvature s.y exceeds `curvature`."""
        assert isinstance(state, History)
        if kernel.serves(state.s):
            # slots without a victim need no direction
            wanted = at.here if at.idle is None else at.here & ~at.idle
            last = {"step": at.s, "g": at.g, "before": at.g_before, "stepped": at.stepped & wanted, "here": wanted}
            return kernel.direction({**vars(state), **last}, self.curvature)
        sy = _dot(at.s, at.y)
        pair = at.stepped & at.here & (sy > self.curvature)
        index = torch.nonzero(pair).flatten()
        if len(index):
            newest = Pair(index, state.next[index], sy[index].double(), _dot(at.y, at.y)[index].double())
            self._store(state, newest, at)
        if not state.count.any():
            return -at.g
        # Empty entries take part as zeros. The library groups a sum by its length, and a victim's path must not depend
        # on how many pairs the other slots hold.
        sg, yg = _products(state.s, at.g), _products(state.y, at.g)
        if len(index):
            self._extend(state, newest, sg - state.sg, yg - state.yg)
        state.sg, state.yg = sg, yg
        return self._direction(state, at.g)

    def _store(self, state: History, new: Pair, at: Iterate) -> None:
        every = len(new.slots) == len(state)
        state.s[new.slots, new.at] = at.s if every else at.s[new.slots]
        state.y[new.slots, new.at] = at.y if every else at.y[new.slots]
        state.gamma[new.slots] = (new.sy / new.yy).to(state.gamma.dtype)
        state.next[new.slots] = (new.at + 1) % self.history
        state.count[new.slots] = (state.count[new.slots] + 1).clamp(max=self.history)

    def _extend(self, state: History, new: Pair, sy: Tensor, yy: Tensor) -> None:
        """Gives Y'Y and R^-1 their new row and column, from S'y and Y'y `[S, m]` (of any value at `new.at`)."""
        rows = torch.arange(len(new.slots), device=sy.device)
        yy = yy[new.slots]
        yy[rows, new.at] = new.yy
        state.yy[new.slots, new.at] = yy
        state.yy[new.slots, :, new.at] = yy
        # The oldest pair is dropped: its column has no entry above the diagonal. Then R = [[R', a], [0, b]] has the
        # inverse [[R'^-1, -R'^-1 a / b], [0, 1 / b]].
        state.r[new.slots, new.at, :] = 0
        column = _times(sy, state.r.mT)[new.slots] / -new.sy.unsqueeze(1)
        column[rows, new.at] = 1 / new.sy
        state.r[new.slots, :, new.at] = column
        state.sy[new.slots, new.at] = new.sy

    def _direction(self, state: History, g: Tensor) -> Tensor:
        r, gamma = state.r, state.gamma.double().unsqueeze(1)
        u = _times(state.sg, r.mT)
        right = state.sy * u + gamma * (_times(u, state.yy) - state.yg)
        w = _times(right, r).to(g.dtype).neg_()
        step = _times(w, state.s)
        step += _times((gamma * u).to(g.dtype), state.y)
        return step.addcmul_(state.gamma.unsqueeze(1), g, value=-1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """`[S, n]`, `[S, n]` -> `[S]`."""
    return (a * b).sum(1)


def _products(rows: Tensor, vector: Tensor) -> Tensor:
    """`[S, m, n]`, `[S, n]` -> `[S, m]` in float64, the inner product of each row with the vector.

    The column is passed as a transposed row: the CPU library takes six times as long for the same numbers with strides
    (1, 1).
    """
    return torch.bmm(rows, vector.unsqueeze(1).mT).squeeze(2).double()


def _times(row: Tensor, matrix: Tensor) -> Tensor:
    """`[S, m]`, `[S, m, k]` -> `[S, k]`; on a CPU several times faster than the transposed matrix times a column."""
    return torch.bmm(row.unsqueeze(1), matrix).squeeze(1)


class Gradient(Direction):
    """Steepest descent, which uses no past steps."""

    def start(self, like: Tensor) -> Slots:
        """Makes a state that holds nothing but the number of slots of `like` `[S, n]`."""
        return Nothing(like.new_zeros(like.shape[0]))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Does nothing, since there is no past to forget."""

    def has_past(self, state: Slots) -> Tensor:
        """Says for each slot `[S]` that it has no past."""
        assert isinstance(state, Nothing)
        return torch.zeros_like(state.empty, dtype=torch.bool)

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Returns `-g` `[S, n]`."""
        return -at.g
