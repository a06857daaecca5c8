"""Why nothing was measured of a victim, where the machine or the arithmetic failed and not the program."""

from __future__ import annotations

import torch

from bench.host.out_of_memory import lacks_memory
from bench.messages.status import Status


def victim_failure(error: RuntimeError | MemoryError, unconverged: str) -> tuple[Status, str]:
    """The status and the reason of the victim's row. Any other error is raised again.

    Args:
        error: what was raised.
        unconverged: the reason if an algorithm of linear algebra did not converge.
    """
    if lacks_memory(error):
        return Status.OUT_OF_MEMORY, Status.OUT_OF_MEMORY.sentence
    if isinstance(error, torch.linalg.LinAlgError):
        return Status.NONFINITE, unconverged
    raise error
