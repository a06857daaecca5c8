"""Peak memory is that of the work, in a process of its own; 5,000 victims need little more of it than 200."""

import pytest

from bench.speed import memory, scale

TINY = [*scale.TINY, "data.victims=2"]


@pytest.mark.slow
def test_a_cell_in_a_process_of_its_own():
    found = memory.measure("cell", TINY, None)
    assert found["kind"] in ("process", "cuda") and found["seconds"] > 0
    assert found["peak_bytes"] >= found["before_bytes"]
    assert found["kind"] == "cuda" or found["before_bytes"] > 10e6


def test_a_tensor_shows_in_the_peak():
    """It is larger than all that this process ever held, so freed memory that the process kept cannot hide it."""
    import torch

    before = memory._around(lambda: None)
    found = memory._around(lambda: torch.ones(2**26 + before["peak_bytes"] // 4))
    assert found["kind"] == "cuda" or found["peak_bytes"] - before["peak_bytes"] > 200e6


@pytest.mark.slow
def test_a_process_that_fails_says_how():
    with pytest.raises(memory.ChildFailed, match=r"code 1 .*no attack 'idlgg'"):
        memory.measure("cell", [*TINY, "attack=idlgg"], None)


@pytest.mark.slow
def test_a_row_a_size_and_what_each_further_victim_costs():
    found = scale.measure(["data=mnist", "model.width=500", "engine.chunk=2"], None, victims=(2, 4))
    assert [row["victims"] for row in found["rows"]] == [2, 4]
    assert "engine.chunk=2" in found["overrides"] and "model.width=500" not in found["overrides"]
    first, last = found["rows"]
    assert found["seconds_per_further_victim"] == [(last["seconds"] - first["seconds"]) / 2]
    assert found["memory_growth"] == last["peak_bytes"] / first["peak_bytes"]


@pytest.mark.slow
def test_time_is_linear_and_memory_flat():
    """A victim's own tensors are 60 KB here with their history: held for all, they would be 300 MB."""
    found = scale.measure([], None)
    few, many = found["seconds_per_further_victim"]
    assert 0.3 < many / few < 3  # what grows with the square of the victims would cost 5 times as much here
    assert found["memory_growth"] < 1.2  # the intervals of the summary take up to 100 MB, however many victims
    assert max(found["bytes_per_further_victim"]) < 60e3
