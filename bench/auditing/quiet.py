"""Runs a user's code so that nothing of it is seen afterwards: no output, and no random number taken."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor


@contextlib.contextmanager
def quiet(tensors: Iterable[Tensor]) -> Iterator[io.StringIO]:
    """Inside this context, standard output is kept; behind it, all random generators are as they were.

    Gradients are enabled, whatever the caller has set.

    Args:
        tensors: whose devices have generators.
    """
    printed = io.StringIO()
    devices = sorted({value.get_device() for value in tensors if value.is_cuda})
    states = random.getstate(), np.random.get_state()
    try:
        with (
            torch.random.fork_rng(devices),
            contextlib.redirect_stdout(printed),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            yield printed
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
