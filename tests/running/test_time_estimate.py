"""The time before the first victim ends is told only once it is known, and says what it was computed from."""

from rich.progress import Progress as Bars

from bench.engine.state import Progress
from bench.running.time_estimate import ShownProgress, TimeEstimate


class Clock:
    """Ten evaluations of four victims per second."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def at_work(finished: int = 0) -> Progress:
    return Progress(finished, 8, 4, 1.0, 100)


def test_it_is_the_budget_that_is_left_over_the_measured_speed() -> None:
    """8 runs of 100 evaluations; after 3 s 120 of 800 are done, at 40 per second: 17 seconds are left."""
    estimate = TimeEstimate(8, Clock())
    said = [estimate(at_work()) for _ in range(32)]
    assert said[:30] == [None] * 30
    assert said[31] == (
        "about 17 seconds left if each run uses its budget of 100 evaluations (40 evaluations per second so far)"
    )


def test_nothing_is_said_once_a_victim_has_ended_also_in_the_next_block() -> None:
    estimate = TimeEstimate(8, Clock())
    for _ in range(40):
        estimate(at_work())
    assert estimate(at_work(finished=1)) is None
    assert estimate(at_work(finished=0)) is None


def test_more_evaluations_than_the_budget_leave_no_negative_time() -> None:
    estimate = TimeEstimate(1, Clock())
    for _ in range(60):
        said = estimate(at_work())
    assert said is not None and said.startswith("about 0 seconds left")


def test_it_is_told_once_and_shown_behind_the_bar() -> None:
    told: list[str] = []
    bars = Bars(disable=True)
    bar = bars.add_task("cell", total=8, note="")
    shown = ShownProgress(bars, bar, TimeEstimate(8, Clock()), told.append)
    shown(at_work())
    assert bars.tasks[0].fields["note"] == "objective 1.00e+00"
    for _ in range(60):
        shown(at_work())
    assert len(told) == 1 and told[0].startswith("about 17 seconds left")
