"""Which iterates of a run are kept: evenly spaced, however long it gets."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.trace import WORDS, TraceBuffer, TraceConfig


def kept(keeping: TraceConfig, iterations: int) -> list[int]:
    """The iterations at which values are handed on, of a run whose value is its iteration."""
    moments = TraceBuffer.start(1, keeping.room, keeping.stride, torch.zeros(1, 1))
    here = torch.ones(1, dtype=torch.bool)
    for iteration in range(iterations + 1):
        moments.see(torch.tensor([iteration]), torch.full((1, 1), float(iteration)), here)
    at, values = moments.pick(0, keeping.moments)
    assert torch.equal(at[at >= 0].float(), values[at >= 0, 0])
    return at[at >= 0].tolist()


def test_words_are_kept_at_the_iterations_that_the_paper_prints():
    assert kept(WORDS, 100) == list(range(0, 101, 10))
    assert kept(WORDS, 500) == list(range(0, 501, 20))


@given(room=st.integers(1, 20).map(lambda n: 2 * n), stride=st.integers(1, 12), iterations=st.integers(0, 400))
def test_what_is_kept_is_evenly_spaced_and_fills_half_the_room_at_least(room, stride, iterations):
    found = kept(TraceConfig(room, stride, moments=room), iterations)
    step = found[1] - found[0] if len(found) > 1 else stride
    assert found == list(range(0, iterations + 1, step)) and step % stride == 0
    assert len(found) <= room and (step == stride or 2 * len(found) >= room)


def test_a_slot_that_is_cleared_starts_with_the_first_stride_again():
    moments = TraceBuffer.start(2, 2, 3, torch.zeros(2, 1))
    for iteration in range(30):
        moments.see(torch.full((2,), iteration), torch.zeros(2, 1), torch.ones(2, dtype=torch.bool))
    moments.clear(torch.tensor([True, False]))
    assert moments.stride[0] == 3 and moments.stride[1] > 3 and moments.count.tolist()[0] == 0
