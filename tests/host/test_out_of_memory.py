"""A lack of memory is told from other errors, by torch's own type or, on a processor, by its words."""

import pytest
import torch

from bench.host.out_of_memory import lacks_memory


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (RuntimeError("out of range"), False),
    ],
)
def test_errors_are_told_apart(error: RuntimeError | MemoryError, lacks: bool) -> None:
    assert lacks_memory(error) == lacks


def test_the_error_of_a_real_allocation_is_recognised() -> None:
    """4 EB are more than the address space of any machine holds."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert lacks_memory(caught.value)
