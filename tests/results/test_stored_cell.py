"""What every kind of cell has from its base: its failure on record, and the words for what is wrong with it."""

from collections.abc import Callable

import pytest

from bench.results.kinds import KINDS
from bench.results.stored_cell import StoredCell
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]


def test_a_failure_is_kept_until_the_cell_is_complete(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    assert cell.failure is None
    cell.fail("out_of_memory", "the device ran out of memory at block 64")
    cell.append([victim(0)], [sample(0)])
    assert cell.failure is not None
    assert (cell.failure.status, cell.failure.reason) == ("out_of_memory", "the device ran out of memory at block 64")
    cell.complete()
    cell.complete()
    assert cell.failure is None
    assert cell.done() == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_says_of_itself_what_others_would_ask(kind: type[StoredCell]) -> None:
    """So no reader, merger or checker has a line per kind."""
    for name in ("summary", "fault", "gain", "done", "times", "examples"):
        assert getattr(kind, name) is not getattr(StoredCell, name), name
    assert kind.noun and kind.noun != kind.kind and len({each.noun for each in KINDS}) == len(KINDS)
