"""The published search refuses what makes no sense; test_layer_attack.py has whole batches."""

import pytest

from bench.attacks.exact.spear.published import SpearPublished
from bench.engine.settings import EngineSettings


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"samples": 0}, "samples=0: must be >= 1"),
        ({"at_once": 0}, "at_once=0"),
        ({"sparsity": 1.0}, "between 0 and 1"),
    ],
)
def test_numbers_out_of_range_are_refused(changed, sentence) -> None:
    given = {"samples": 9, "at_once": 9, "sparsity": 0.2, "rounding": None, "accept": 0.999}
    engine = EngineSettings(chunk=1, threads=1, compile=False, precision="float64")
    with pytest.raises(ValueError, match=sentence):
        SpearPublished(**{**given, **changed}, engine=engine)
