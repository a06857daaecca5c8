"""What stands where `Matching` does in these tests: S slots, each with a function of its own, in float64."""

import torch
from torch import Tensor


class Problem:
    """Records every point that is evaluated: `seen[k][victim]`."""

    def __init__(self, functions: list) -> None:
        self.functions = functions
        self.slots: list[int] = []
        self.seen: list[dict[int, Tensor]] = []

    def load(self, victims: Tensor) -> None:
        self.slots = victims.tolist()

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        for slot, victim in zip(slots.tolist(), victims.tolist()):
            self.slots[slot] = victim

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(dict(zip(self.slots, z.detach().clone())))
        z = z.detach().requires_grad_()
        values = torch.stack([self.functions[v](row) for v, row in zip(self.slots, z)])
        return values.detach(), torch.autograd.grad(values.sum(), z)[0]

    def path(self, victim: int) -> list[Tensor]:
        """The points at which one victim's function was evaluated, in order."""
        return [points[victim] for points in self.seen if victim in points]


class Bowls:
    """The squared distance to a point of each victim's own, in a metric that all share; records nothing."""

    def __init__(self, victims: int, n: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.centre = torch.randn(victims, 1, generator=generator, dtype=torch.float64)
        self.curvature = 0.5 + torch.rand(n, generator=generator, dtype=torch.float64)
        self.slots = torch.zeros(0, dtype=torch.long)

    def load(self, victims: Tensor) -> None:
        self.slots = victims.clone()

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        self.slots[slots] = victims

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        off = z - self.centre[self.slots]
        return (self.curvature * off**2).sum(1), 2 * self.curvature * off


def starts(victims: int, n: int, seed: int = 7, scale: float = 1.0) -> Tensor:
    return torch.randn(victims, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def quadratic(seed: int, n: int = 12):
    """Its minimum is 0."""
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(n, n, generator=g, dtype=torch.float64)
    matrix = a @ a.T / n + 0.3 * torch.eye(n, dtype=torch.float64)
    b = torch.randn(n, generator=g, dtype=torch.float64)
    least = 0.5 * b @ torch.linalg.solve(matrix, b)
    return lambda z: 0.5 * z @ matrix @ z - b @ z + least


def log_cosh(seed: int):
    shift = torch.randn(12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return lambda z: torch.log(torch.cosh(z - shift)).sum()


def rosenbrock(z: Tensor) -> Tensor:
    return (100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2).sum()
