"""Leaves the random numbers and the threads of a process as they were, whatever happens inside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def as_before() -> Iterator[None]:
    """Restores the generators of Python, numpy and torch (all devices that are in use), and torch's thread count."""
    python, numbers, torchs = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
        torch.set_rng_state(torchs)
        if cards:
            torch.cuda.set_rng_state_all(cards)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
