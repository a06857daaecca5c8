"""Many victims in pieces: none is lost or done twice when memory runs out, and work is tuned once per kind."""

from dataclasses import replace
from itertools import islice

import pytest
import torch
from observations import CLASSES, SHAPE, net, observe

from bench.attacks.chunks import claimed, in_chunks, tuned_once
from bench.attacks.controls import claim
from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.matching import Layout, Matching
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import Backtracking
from bench.engine.stops import Tolerances
from bench.messages.status import Status
from bench.objectives.squared_error import SquaredError


def settings(said: list[str]) -> EngineSettings:
    return EngineSettings(None, 1, False, "float64", notice=said.append)


def room_for(most: int, seen, done: list[int]):
    """A run on a device with room for some victims: one is finished, and then memory runs out if there are more."""

    def run(left: torch.Tensor, slots: int):
        for number, position in enumerate(left.tolist()):
            if number and slots > most:
                raise torch.OutOfMemoryError("no room")
            one = seen.take(torch.tensor([position]))
            done.append(position)
            yield claim(one, torch.zeros(1, 2, *SHAPE))

    return run


def test_what_is_left_goes_on_with_half_the_slots() -> None:
    seen, *_ = observe(net(), victims=5)
    said, done = [], []
    found = islice(
        in_chunks(seen, 8, settings(said), room_for(2, seen, done)), 9
    )  # one too many is seen, no endless loop
    ids = [int(one.ids) for one in found]
    assert sorted(ids) == seen.ids.tolist() and done == [0, 1, 2, 3, 4]
    assert [line.split(" victims")[0] for line in said] == ["out of memory: 4", "out of memory: 2"]
    assert all("changes results by rounding" in line for line in said)


def test_one_victim_that_does_not_fit_is_an_error() -> None:
    seen, *_ = observe(net())
    asked = []

    def run(left: torch.Tensor, slots: int):
        asked.append(slots)
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(torch.OutOfMemoryError):
        list(in_chunks(seen, 4, settings([]), run))
    assert asked == [4, 2, 1]


def tuned(engine: EngineSettings, seen, layout: Layout, *, fixed_labels: bool = False):
    made = []

    def make(runs: torch.Tensor):
        made.append(len(runs))
        matching = Matching(seen, layout, SquaredError(1.0), None, torch.float64)
        matching.load(runs)
        return matching, torch.zeros(len(runs), layout.n, dtype=torch.float64)

    rule = Minimiser(LBFGS(3, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(9, 9, 0.0, 0.0, None, 0.0), "best")
    found = tuned_once(engine, seen, layout, make, rule, restarts=1, budget=9, fixed_labels=fixed_labels)
    return found, bool(made)


def test_a_kind_of_work_is_tuned_once_and_another_kind_again() -> None:
    engine, layout = settings([]), Layout(2, SHAPE, CLASSES)
    seen, *_ = observe(net())
    first, worked = tuned(engine, seen, layout)
    assert worked and tuned(engine, seen.take(torch.tensor([0])), layout) == (first, False)
    assert tuned(engine, seen, layout, fixed_labels=True)[1]
    one_model, *_ = observe(net(), one_model=True)
    assert tuned(engine, one_model, layout)[1] and len(engine.tuned) == 3


def test_a_model_that_cannot_be_mapped_is_said_once() -> None:
    said: list[str] = []
    seen, *_ = observe(net())
    seen = replace(seen, task=replace(seen.task, mappable=False))
    engine = settings(said)
    for _ in range(2):
        found, _ = tuned(engine, seen, Layout(2, SHAPE, CLASSES))
    assert found.one_by_one and said == ["one victim at a time: vmap cannot map this model"]


def test_a_claim_is_of_the_victims_that_have_finished_in_their_order() -> None:
    seen, *_ = observe(net(), victims=4)
    at, curve = torch.tensor([0, 4, -1]), torch.tensor([1.0, 0.5, torch.nan])
    none = torch.zeros(3, 12)
    ends = [Finished(v, none[0], 0.1 * v, v, 2 * v, 3.0 * v, Status.BUDGET, at, none, at, curve) for v in (3, 1)]
    images = torch.zeros(2, 2, *SHAPE)
    found = claimed(ends, seen, images, torch.zeros(2, 2, dtype=torch.long), {"images": torch.zeros(2, 3, 2, *SHAPE)})
    assert found.ids.tolist() == seen.ids[[3, 1]].tolist()
    assert (found.iterations.tolist(), found.evaluations.tolist()) == ([3, 1], [6, 2])
    assert found.objective.tolist() == pytest.approx([0.3, 0.1]) and found.seconds.tolist() == [9.0, 3.0]
    assert found.trace["moments"].tolist() == found.trace["curve_at"].tolist() == [[0, 4, -1]] * 2
    assert found.trace["curve"].dtype is torch.float32 and found.trace["images"].shape == (2, 3, 2, *SHAPE)
