"""Rates count what was evaluated, and successes are the scorer's."""

import pytest
import torch
from references import sequential as reference

from bench.engine.matching import Matching
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.speed import sequential
from bench.speed import setting as setting_module
from bench.speed.contestants import THRESHOLDS, EngineContestant, LoopContestant, _Enough, _Meter, _successes
from bench.speed.sequential import SequentialLoop
from bench.speed.setting import prepare

TINY = [
    "engine.chunk=4",
    "engine.threads=1",
    "engine.compile=false",
    "attack.history=4",
    "attack.evaluations=12",
    "data.set=mnist",
    "data.size=8",
    "model.width=3",
]
VICTIMS = 18


@pytest.fixture(autouse=True)
def _small_pool(monkeypatch):
    monkeypatch.setattr(setting_module, "BLOCK", VICTIMS)


@pytest.fixture
def setting():
    return prepare(TINY)


def errors(setting, images, ids):
    """Mean squared errors of clipped images, by hand."""
    truth = setting.victims.inputs
    return [float((i.clamp(0, 1) - truth[int(v)]).square().mean()) for v, i in zip(ids, images)]


@pytest.mark.slow
def test_the_meter_counts_the_evaluations_of_slots_with_a_victim(setting, monkeypatch):
    evaluated = []
    original = Matching.__call__

    def counting(self, z):
        evaluated.append(len(z))
        return original(self, z)

    monkeypatch.setattr(Matching, "__call__", counting)
    meter = _Meter(setting, fill=10, limit=float("inf"))
    setting.components.engine.watch = meter
    with pytest.raises(_Enough):
        list(setting.attack.reconstruct(setting.seen, 0))
    assert meter.evaluations == sum(evaluated[10:-1])  # the last is the first with an empty slot
    assert meter.seconds > 0 and meter.startup > 0
    assert 4 * 12 < meter.evaluations < 12 * VICTIMS


@pytest.mark.slow
def test_a_turn_goes_on_until_its_time_is_over(setting):
    engine, loop = EngineContestant(setting), LoopContestant(setting, 1)
    for contestant in (engine, loop):
        contestant.warm_up()
        rate = contestant.turn(0.1)
        assert 0.1 <= rate.seconds < 5
        assert rate.per_second == rate.evaluations / rate.seconds > 0
    assert setting.components.engine.watch is None


@pytest.mark.slow
def test_a_pool_that_ends_before_histories_are_full_is_timed_all_the_same():
    setting = prepare([*TINY, "attack.evaluations=2", "attack.history=100"])
    assert EngineContestant(setting).turn(0.01).evaluations > 0


@pytest.mark.slow
def test_the_loop_goes_from_victim_to_victim_without_end(monkeypatch):
    few = 4
    monkeypatch.setattr(setting_module, "BLOCK", few)
    monkeypatch.setattr(sequential, "STEPS", 2)
    setting, victims = prepare([*TINY, "engine.chunk=1"]), []  # the pool holds four chunks at least
    original = SequentialLoop.run

    def noting(self, victim, start):
        victims.append(victim)
        return original(self, victim, start)

    monkeypatch.setattr(SequentialLoop, "run", noting)
    loop = LoopContestant(setting, 1)
    steps = [next(loop._steps) for _ in range(2 * few + 1)]
    assert victims == [*range(few), 0]
    assert steps[-1] == steps[0] == 21 and steps[1] <= 20  # the second call takes no look


def counted(found: list) -> tuple[int, ...]:
    return tuple(sum(error <= threshold for error in found) for threshold in THRESHOLDS)


@pytest.mark.slow
def test_whole_runs_are_counted_to_their_end(monkeypatch):
    monkeypatch.setattr(sequential, "STEPS", 2)
    setting = prepare([*TINY, "attack.evaluations=5"])
    loop = LoopContestant(setting, 1).whole(2)
    model = setting.components.client.model
    ends = [
        reference.published(setting.seen, victim, setting.labels, model, setting.published_start(victim), steps=2)
        for victim in range(2)
    ]
    images = [end.reshape(1, 1, 8, 8) for end in ends]
    assert (loop.victims, loop.images) == (2, 2) and 2 * 2 < loop.evaluations <= 2 * 41
    assert loop.successes == counted(errors(setting, images, range(2)))
    claims = list(setting.attack.reconstruct(setting.seen, 0))
    engine = EngineContestant(setting).whole(VICTIMS)
    assert engine.victims == VICTIMS and EngineContestant(setting).whole(1).victims == 4 * 4
    assert engine.evaluations == sum(int(claim.evaluations.sum()) for claim in claims)
    found = [error for claim in claims for error in errors(setting, claim.inputs, claim.ids)]
    assert len(found) == VICTIMS and engine.successes == counted(found)


@pytest.mark.slow
def test_the_engine_brings_victims_back():
    setting = prepare([*TINY, "attack.evaluations=300"])
    engine = EngineContestant(setting)
    engine.warm_up()
    whole = engine.whole(1)
    first, *_, last = whole.successes
    assert first > 0.5 * whole.victims and last <= first
    assert whole.per_success == [whole.seconds / count if count else None for count in whole.successes]


def test_a_failed_victim_is_no_success(setting):
    truth = setting.victims.inputs[:4]
    images = truth.clone()
    images[1], images[3] = 1 - images[1].round(), torch.nan
    nothing = torch.zeros(4, dtype=torch.long)
    claim = Reconstruction(
        ids=setting.seen.ids[:4],
        inputs=images,
        labels=torch.zeros(4, 1, dtype=torch.long),
        objective=nothing.double(),
        iterations=nothing,
        evaluations=nothing,
        seconds=nothing.double(),
        status=[Status.CONVERGED, Status.BUDGET, Status.DIVERGED, Status.BUDGET],
    )
    assert _successes(setting, claim) == (1, 1, 1)
