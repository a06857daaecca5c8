"""A run has diverged where the attacker sees it: not finite, above its start or ten times its best, or out of range."""

import math

import pytest
import torch
from attacks.test_gradient_matching import run
from engine.problems import Problem, starts

from bench.engine.adaptive import SGD
from bench.engine.loop import Minimiser
from bench.engine.matching import Matching
from bench.engine.schedules import Constant
from bench.engine.steps import Scheduled
from bench.engine.stops import Tolerances
from bench.messages.status import Status


def has_diverged(values: list[float], last: torch.Tensor, low: float = -math.inf, high: float = math.inf) -> bool:
    """The definition, word by word, on every value that was computed and the iterate that it ended at."""
    if not all(math.isfinite(value) for value in (*values, *last.tolist())):
        return True
    out = bool((last < low).any() or (last > high).any())
    return out or values[-1] > values[0] or values[-1] > 10 * min(values)


def swinging(select: str, budget: int) -> tuple[Minimiser, list, torch.Tensor]:
    """Heavy balls in bowls of twenty curvatures: where each of them is when its time is over is a matter of phase."""
    functions = [lambda z, k=k: k * (z**2).sum() for k in torch.linspace(0.01, 4.2, 20, dtype=torch.float64)]
    stop = Tolerances(budget, budget, 0.0, 0.0, None, 0.0)
    return Minimiser(SGD(0.9, 0.0), Scheduled(0.5, Constant()), stop, select), functions, starts(20, 3)


@pytest.mark.parametrize("budget", [10, 40])
def test_a_last_iterate_far_above_the_best_one_has_diverged(budget: int) -> None:
    """Some end above their start, some below it and above ten times their best, some near their best."""
    rule, functions, x = swinging("last", budget)
    problem = Problem(functions)
    ends = {one.victim: one for group in rule.run(problem, lambda v: x[v], 20, 20, None) for one in group}
    kinds = set()
    for victim, one in ends.items():
        values = [float(functions[victim](z)) for z in problem.path(victim)]
        diverged = has_diverged(values, problem.path(victim)[-1])
        assert (one.status is Status.DIVERGED) == diverged, victim
        assert one.objective == pytest.approx(min(values) if diverged else values[-1])
        kinds.add((diverged, values[-1] > values[0]))
    assert kinds == {(False, False), (True, False), (True, True)}


def test_the_best_iterate_has_not_diverged_however_the_run_ends() -> None:
    rule, functions, x = swinging("best", 40)
    for group in rule.run(Problem(functions), lambda v: x[v], 20, 20, None):
        for one in group:
            assert one.status is Status.BUDGET


@pytest.mark.parametrize("select", ["best", "last"])
def test_what_no_input_can_be_has_diverged(select: str) -> None:
    """A slope without end: the objective falls all the way, and the iterate leaves every range."""
    stop = Tolerances(30, 30, 0.0, 0.0, None, 0.0)
    rule = Minimiser(SGD(0.0, 0.0), Scheduled(1.0, Constant()), stop, select)
    x = torch.zeros(2, 3, dtype=torch.float64)
    slopes = Problem([lambda z: 100 - z.sum(), lambda z: 100 - 0.1 * z.sum()])
    found = rule.run(slopes, lambda v: x[v], 2, 2, None, strays=lambda z: bool((z > 11).any()))
    assert {one.victim: one.status for group in found for one in group} == {0: Status.DIVERGED, 1: Status.BUDGET}


@pytest.mark.slow
@pytest.mark.parametrize("granted", [True, False])
def test_the_published_settings_fail_where_an_independent_look_says_so(granted: bool, parties, monkeypatch) -> None:
    """Every point that is evaluated is written down; with one slot they come victim by victim. The range of inputs
    counts where it is granted, and only there."""
    points: list[tuple[torch.Tensor, float]] = []
    function = Matching.function

    def noted(self: Matching, *arguments):
        values, g = function(self, *arguments)
        points.append((arguments[-1][0].detach().clone(), float(values[0])))
        return values, g

    monkeypatch.setattr(Matching, "function", noted)
    tiny = ("data.set=mnist", "data.size=9", "model.width=3", "engine.chunk=1", "engine.compile=false")
    built = parties("attack=dlg_published", "attack.iterations=3", f"threat.input_range={str(granted).lower()}", *tiny)
    claim = run(built.attack, built.client.share(built.data.deal(range(6))))
    assert int(claim.evaluations.sum()) == len(points)
    begin, failures = 0, 0
    for status, evaluations in zip(claim.status, claim.evaluations.tolist()):
        path = points[begin : begin + evaluations]
        images = path[-1][0][:81]
        diverged = has_diverged([value for _, value in path], images, *((-10.0, 11.0) if granted else ()))
        assert status.failed == diverged, path[-1]
        begin, failures = begin + evaluations, failures + diverged
    assert 0 < failures < 6


def test_the_range_is_that_of_images_whatever_stands_for_them(parties) -> None:
    """One pixel decides, in whichever variables it is written; label logits may be anything."""
    built = parties("attack=dlg", "data.set=mnist", "data.size=9", "model.width=3")
    seen = built.client.share(built.data.deal([0]))
    layout = built.attack._layout(seen)
    strays = built.attack._strays(seen, layout)
    for pixel, out in ((10.9, False), (11.1, True), (-9.9, False), (-10.1, True)):
        image = torch.full((1, 1, 9, 9), 0.5)
        image[0, 0, 4, 4] = pixel
        logits = torch.full((layout.n - layout.inputs,), 1e6)
        assert strays(torch.cat([layout.variables.encode(image).flatten(), logits])) == out, pixel
