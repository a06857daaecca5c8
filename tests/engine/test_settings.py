"""Settings of the engine that make no sense are refused where they are made."""

import pytest
import torch

from bench.engine.settings import EngineSettings


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("float64", torch.float64)])
def test_a_precision_is_a_type_of_torch(precision: str, dtype: torch.dtype) -> None:
    assert EngineSettings(None, None, None, precision).dtype is dtype


@pytest.mark.parametrize(
    ("chunk", "precision", "sentence"),
    [(0, "float32", "chunk=0: must be >= 1"), (4, "float16", "dtype='float16': want float32 or float64")],
)
def test_what_makes_no_sense_is_named(chunk: int, precision: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        EngineSettings(chunk, None, None, precision)


def test_what_is_tuned_for_one_cell_is_not_another_cells() -> None:
    one, other = (EngineSettings(None, None, None, "float32") for _ in range(2))
    assert one.tuned is not other.tuned
