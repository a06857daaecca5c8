"""Runs a user's code so that nothing of it is seen afterwards: no output, and no random number taken."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import torch

from bench.auditing.as_before import as_before


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Inside this context, standard output is kept; behind it, random generators and threads are as they were.

    Gradients are enabled, whatever the caller has set.
    """
    printed = io.StringIO()
    with (
        as_before(),
        contextlib.redirect_stdout(printed),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        yield printed
