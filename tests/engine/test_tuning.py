"""The number of slots follows from the shape of the work: neither a clock nor the number of victims has a say."""

import pytest
import torch

from bench.engine import tuning
from bench.engine.adaptive import Adam
from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.schedules import Constant
from bench.engine.state import State
from bench.engine.steps import Backtracking, Scheduled
from bench.engine.stops import Tolerances
from bench.engine.trace import PICTURES, TraceBuffer
from bench.engine.tuning import MEMORY, SLOTS, room

TINY = ("attack=idlg", "data.set=mnist", "data.size=9", "model.width=3", "attack.evaluations=2")
STOP = Tolerances(10, 10, 0.0, 0.0, None, 0.0)


def settled(parties, victims: int, *overrides: str):
    """How the engine does this work."""
    built = parties(*TINY, "engine.compile=false", *overrides)
    assert len(list(built.attack.reconstruct(built.client.share(built.data.deal(range(victims))), 0))) == victims
    (found,) = built.engine.tuned.values()
    return found


@pytest.mark.parametrize("victims", [1, 3, 9])
def test_slots_do_not_depend_on_the_number_of_victims_or_a_clock(victims: int, parties, monkeypatch) -> None:
    def no_clock(*_):
        raise AssertionError("something was timed")

    monkeypatch.setattr(tuning, "_once", no_clock)
    found = settled(parties, victims)
    assert (found.slots, found.one_by_one, found.seated) == (SLOTS, False, True)
    assert settled(parties, victims, "engine.chunk=3").slots == 3


@pytest.mark.parametrize("allowed", [1, 2])
def test_threads_are_timed_only_if_several_are_allowed(allowed: int, parties, monkeypatch) -> None:
    """Cells side by side have a share of the cores each, and must not take those of the others."""
    timed = []
    once = tuning._once
    monkeypatch.setattr(tuning, "_once", lambda *work: timed.append(torch.get_num_threads()) or once(*work))
    monkeypatch.setenv("OMP_NUM_THREADS", str(allowed))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(2))
    found = settled(parties, 2, "engine.threads=null")
    assert set(timed) == ({1, 2} if allowed == 2 else set()) and found.threads in range(1, allowed + 1)
    torch.set_num_threads(1)


def test_work_whose_arithmetic_outweighs_its_calls_is_done_one_by_one(parties, monkeypatch) -> None:
    """The bound is put below what three filters on 9x9 pixels cost, which is thousands of operations."""
    monkeypatch.setattr(tuning, "MAPPED_UP_TO", 10**3)
    found = settled(parties, 2)
    assert (found.slots, found.one_by_one, found.seated) == (1, True, True)


def test_larger_work_is_mapped_if_its_slow_convolutions_are_our_own(parties, monkeypatch) -> None:
    """Without a compiler, and for a short budget that is not worth a trace, they are torch's."""
    monkeypatch.setattr(tuning, "MAPPED_UP_TO", 10**3)
    monkeypatch.setattr(tuning, "TRACED_FROM", 2)
    assert settled(parties, 2).slots == SLOTS
    monkeypatch.setattr(tuning, "is_available", lambda name: False)
    assert settled(parties, 2).slots == 1
    monkeypatch.undo()
    monkeypatch.setattr(tuning, "MAPPED_UP_TO", 10**3)
    assert settled(parties, 2).slots == 1


@pytest.mark.parametrize(
    ("direction", "step"),
    [
        (LBFGS(7, 1e-10), Backtracking(1.0, 1e-4, 20)),
        (Adam((0.9, 0.999), 1e-8, False, 0.0), Scheduled(0.1, Constant())),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_memory_of_a_slot_is_that_of_the_tensors_that_the_loop_holds(direction, step, dtype) -> None:
    """Counted on states that were really made, for many slots, up to what does not grow with the variables."""
    slots, n = 16, 1000
    x = torch.zeros(slots, n, dtype=dtype)
    held = [State.start(torch.arange(slots), x), direction.start(x), TraceBuffer.start(slots, PICTURES.room, 1, x)]
    made = sum(value.nbytes for state in held for value in vars(state).values())
    estimate = slots * Minimiser(direction, step, STOP, "best").bytes_a_slot(n, dtype)
    assert made <= estimate <= 1.02 * made


def test_what_does_not_fit_gets_fewer_slots(parties) -> None:
    """100 pairs of 1e5 variables are 80 MB: 8 slots of them would take more than the bound, 4 do not."""
    built = parties(*TINY)
    seen = built.client.share(built.data.deal([0]))
    matching = built.attack._matching(seen, built.attack._layout(seen), built.attack.labels(seen))
    matching.load(torch.tensor([0]))
    small, large = (built.attack.minimiser.bytes_a_slot(n, torch.float32) for n in (81, 10**5))
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert large > 2 * 100 * 10**5 * 4
    assert room(SLOTS, small, matching, cpu) == SLOTS and room(SLOTS, large, matching, cpu) == 4
    assert 4 * large < MEMORY["cpu"] < 8 * large
    assert room(512, large, matching, cuda) == 16 and 32 * large > MEMORY["cuda"]
    assert room(8, 10**15, matching, cpu) == 1
