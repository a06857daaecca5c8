"""One side of a comparison of series."""

import pytest
import torch

from bench.metrics.series.batch import SeriesBatch


def test_victims_are_chosen_and_other_shapes_refused() -> None:
    labels = torch.tensor([[1], [0]])
    batch = SeriesBatch(torch.arange(12.0).view(2, 1, 2, 3), labels)
    assert batch.victims(torch.tensor([False, True])).inputs.flatten().tolist() == [6, 7, 8, 9, 10, 11]
    with pytest.raises(ValueError, match=r"want \[V, B, C, T\] and \[V, B\], got \[2, 1, 6\]"):
        SeriesBatch(batch.inputs.flatten(2), labels)
    with pytest.raises(ValueError, match=r"want \[V, B, C, T\]"):
        SeriesBatch(batch.inputs, labels[0])
