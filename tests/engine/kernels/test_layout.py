"""What is laid out for our convolutions holds the same numbers."""

import pytest
import torch

from bench.engine.kernels.layout import beside, in_blocks, is_ours


@pytest.mark.parametrize("shape", [(3, 4), (5, 2, 3, 4, 4)])
def test_victims_lie_beside_each_other(shape: tuple[int, ...]) -> None:
    value = torch.arange(float(torch.Size(shape).numel())).view(shape)
    found = beside(value)
    assert torch.equal(found, value) and found.stride(0) == 1 and found.movedim(0, -1).is_contiguous()


def test_blocks_need_both_numbers_of_channels() -> None:
    assert in_blocks(16, 32) and not in_blocks(16, 24) and not in_blocks(3, 16)
    assert is_ours((8, 16, 3, 3, 3)) and not is_ours((8, 16, 16, 3, 3)) and not is_ours((8, 12, 5))
