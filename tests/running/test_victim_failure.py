"""A row says why nothing was measured only where the machine or the arithmetic failed; a fault of ours is raised."""

import pytest
import torch

from bench.messages.status import Status
from bench.running.victim_failure import victim_failure


def test_memory_and_linear_algebra_have_a_status_and_nothing_else_has() -> None:
    assert victim_failure(MemoryError(), "x")[0] is Status.OUT_OF_MEMORY
    assert victim_failure(torch.linalg.LinAlgError("svd"), "no SVD") == (Status.NONFINITE, "no SVD")
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        victim_failure(RuntimeError("shapes do not fit"), "no SVD")
