"""Victims dealt to processes: each one once, in blocks that are dealt when they are asked for."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from bench.datamodules.blocks import Blocks, share


@given(st.integers(0, 50), st.integers(1, 9))
def test_the_shares_of_all_processes_hold_each_victim_once(victims: int, world: int) -> None:
    """And none is longer than another by more than one, though none is filled up."""
    ids = [10 + 3 * i for i in range(victims)]
    shares = [share(ids, rank, world) for rank in range(world)]
    assert sorted(victim for part in shares for victim in part) == ids
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Dealer:
    def __init__(self) -> None:
        self.dealt: list[list[int]] = []

    def deal(self, ids):
        self.dealt.append(list(ids))
        return tuple(ids)


def test_blocks_are_dealt_one_at_a_time_and_a_process_with_fewer_victims_ends_with_empty_ones() -> None:
    dealer = Dealer()
    blocks = Blocks(dealer, [4, 7, 1, 9, 2], block=2, count=4)
    assert len(blocks) == 4 and dealer.dealt == []
    walk = iter(blocks)
    assert next(walk) == (4, 7) and dealer.dealt == [[4, 7]]
    assert list(walk) == [(1, 9), (2,), ()]
    assert list(blocks) == [(4, 7), (1, 9), (2,), ()]  # again, for another epoch


def test_ten_million_victims_are_no_list() -> None:
    """They were a set, a list and a list of blocks, which took a gigabyte before the first victim."""
    tracemalloc.start()
    own = share(range(10_000_000), 1, 2)
    blocks = Blocks(Dealer(), own, block=256, count=19_532)
    assert len(own) == 5_000_000 and next(iter(blocks))[:3] == (1, 3, 5)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
