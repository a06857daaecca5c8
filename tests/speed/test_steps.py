"""The progress of a measurement: as many steps as it takes, each begun once."""

import pytest

from bench.speed.options import Options
from bench.speed.steps import Steps, next_step


def counted(**options) -> float:
    with Steps(Options([], **options)) as steps:
        (task,) = [task for task in steps._bars.tasks if task.description == "speed"]
        return task.total


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        # two loops and an engine, 5 turns and a warm-up each; the limits; 4 chunks on 2 threads; runs; memory
        ({}, 3 * 6 + 1 + 8 + 2 + 2),
        ({"success": False, "memory": False}, 3 * 6 + 1 + 8),
        ({"threads": (1,), "chunks": (1, 8), "rounds": 2, "variants": [["a=1"], ["b=2"]]}, 4 * 3 + 1 + 2 + 2 + 2),
        ({"scale": True, "workers": True}, 3 * 6 + 1 + 8 + 2 + 2 + 2),
    ],
)
def test_a_bar_is_as_long_as_the_measurement(options: dict, steps: int) -> None:
    assert counted(**options) == steps


def test_a_step_that_is_begun_completes_those_before_it() -> None:
    next_step(None, "nobody looks")
    with Steps(Options([])) as steps:
        for begun, note in enumerate(["warm-up", "round 1"]):
            next_step(steps, note)
            (task,) = [task for task in steps._bars.tasks if task.description == "speed"]
            assert task.completed == begun and task.fields["note"] == note
        bars = steps._bars
    assert not [task for task in bars.tasks if task.description == "speed"]
