"""The LightningModule of limits: the Jacobian of what each victim shares, and the limits under noise."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from bench.client import Client
from bench.engine.cramer_rao import Determination, determination
from bench.engine.residuals import jacobian
from bench.engine.rng import draw
from bench.engine.van_trees import bayesian_limit
from bench.host import signals
from bench.host.interruptible import Interruptible
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.priors.power_spectrum import PowerSpectrum
from bench.running.measured_cell import Keep
from bench.running.victim_failure import victim_failure

# The prior of the Bayesian limit, as that of `attack=strongest`, and how many images are drawn from it per victim.
PRIOR = {"decay": 1.0, "deviation": 0.3, "center": 0.5}
DRAWS = 4


class Limits(Interruptible):
    """A LightningModule whose `Trainer.test` finds how far what a datamodule's victims share determines their inputs.

    Args:
        client: the private side, in double precision.
        std: of the noise, see `bench.defenses.base.Defense.gaussian_std`; None without noise.
        mean: the mean image of the data `[C, H, W]`; None if it is not public.
        keep: called with the rows of each block of victims (see `bench.results.stored_limits`), without the columns
            that all rows have in common.
    """

    def __init__(self, client: Client, std: float | None, mean: Tensor | None, keep: Keep) -> None:
        super().__init__()
        self.client = client  # Lightning moves it to the device
        self._std, self._mean, self._keep = std, mean, keep

    def test_step(self, victims: Victims, batch_idx: int) -> None:
        """Measures one block of victims.

        Args:
            victims: the block; it is empty if this process has fewer victims than another.
            batch_idx: not used.
        """
        with torch.inference_mode(False), torch.enable_grad():
            for place in range(len(victims)):
                signals.check()
                self._keep([row(self.client, self._std, self._mean, victims.take(torch.tensor([place])))])


def row(client: Client, std: float | None, mean: Tensor | None, victim: Victims) -> dict[str, Any]:
    """How far what one victim shares determines its inputs.

    If memory does not suffice, or the linear algebra does not converge, the row says so and has no figure.

    Args:
        client: see `Limits`.
        std: see `Limits`.
        mean: see `Limits`.
        victim: one victim, `[1, B, C, H, W]`.
    """
    status: Status = Status.CONVERGED
    reason: str | None = None
    found: Determination | None = None
    bayesian: float | None = None
    begin = time.perf_counter()
    try:
        found = determination(jacobian(client.update_as_function(victim), victim.inputs.flatten().double()))
        bayesian = _bayesian(client, std, victim) if std is not None else None
    except (RuntimeError, MemoryError) as error:  # torch.linalg.LinAlgError is a RuntimeError
        status, reason = victim_failure(error, "the singular values of the Jacobian did not converge")
    seconds = time.perf_counter() - begin
    determined = found is not None and found.determined
    return {
        "victim": int(victim.ids[0]),
        "status": status.value,
        "reason": reason,
        "batch_size": victim.inputs.shape[1],
        "entries": victim.inputs.numel(),
        "shared": client.facts.parameters,
        "jacobian_rank": found.rank if found else None,
        "condition": found.condition if found and determined else None,
        "std": std,
        "limit_mse": found.unbiased_limit(std) if found and determined and std is not None else None,
        "bayesian_mse": bayesian,
        "mean_mse": None if mean is None else float((victim.inputs - mean.to(victim.inputs)).square().mean()),
        "repeats": int(victim.repeats[0]),
        "seconds": seconds,
    }


def _bayesian(client: Client, std: float, victim: Victims) -> float:
    """The Bayesian limit for the victim's model, labels and defence; its inputs have no part in it."""
    inputs = victim.inputs[0]
    return average_limit(client.update_as_function(victim), inputs.shape, std, int(victim.ids[0]), inputs.device)


def average_limit(
    function: Callable[[Tensor], Tensor], shape: tuple[int, ...], std: float, victim: int, device: torch.device
) -> float:
    """The Bayesian limit over images with the spectrum of natural ones, see `bench.engine.van_trees`.

    Args:
        function: what is shared of images, `[n] -> [e]`.
        shape: `(B, C, H, W)` of the images, of n entries.
        std: of the noise on each entry of what is shared.
        victim: the number by which images are drawn.
        device: of the computation.
    """
    prior = PowerSpectrum(**PRIOR)
    numbers = (draw("normal", tuple(shape), "bayesian limit", victim, at) for at in range(DRAWS))
    images = (prior.drawn(one.double()).flatten().to(device) for one in numbers)
    precision = _precision(tuple(shape)).to(device)
    return bayesian_limit((jacobian(function, image) for image in images), std, precision)


@lru_cache(maxsize=1)
def _precision(shape: tuple[int, ...]) -> Tensor:
    """That of the prior, which is the same for every victim of a cell."""
    return PowerSpectrum(**PRIOR).precision(shape)
