"""The private batch is a victim whose inputs need not lie in [0, 1]."""

import pytest
import torch

from bench.auditing.private_batch import PrivateBatch


def test_inputs_beyond_the_range_of_images_are_kept() -> None:
    batch = PrivateBatch.of(5 * torch.ones(2, 3, 1, 1), torch.tensor([0, 1]))
    assert len(batch) == 1 and batch.samples.tolist() == [[0, 1]] and float(batch.inputs.max()) == 5
    assert type(batch.take(torch.tensor([0]))) is PrivateBatch


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="labels: want"):
        PrivateBatch.of(torch.ones(2, 3, 1, 1), torch.tensor([0]))
