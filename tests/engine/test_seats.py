"""Which slot a run takes: its own, as a function of its number alone, so that every process fills all slots alike."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.seats import Waiting, seats_of


@given(st.integers(0, 10**9), st.integers(1, 5), st.integers(1, 40))
def test_a_seat_is_the_victims_own_whoever_else_is_there(victim: int, restarts: int, slots: int) -> None:
    alone = seats_of(torch.tensor([victim]), restarts, slots)
    among = seats_of(torch.arange(victim, victim + 9), restarts, slots)
    assert alone == among[:restarts] and all(0 <= seat < slots for seat in among)


@pytest.mark.parametrize("slots", [8, 32])
@pytest.mark.parametrize("processes", [1, 2, 3, 4, 8])
def test_what_one_of_several_processes_is_dealt_fills_all_slots_alike(slots: int, processes: int) -> None:
    """A slot that is nobody's is computed for nothing."""
    dealt = torch.arange(0, 8 * slots * processes, processes)
    counts = Counter(seats_of(dealt, 1, slots))
    assert set(counts) == set(range(slots)) and set(counts.values()) <= {7, 8, 9}


def test_a_slot_takes_its_own_runs_in_order_or_any() -> None:
    own, shared = Waiting(4, 2, [1, 0, 1, 1]), Waiting(3, 2, None)
    assert [own.next(slot) for slot in (1, 1, 0, 0, 1, 1)] == [0, 2, 1, None, 3, None]
    assert [shared.next(slot) for slot in (1, 0, 1, 0)] == [0, 1, 2, None]
