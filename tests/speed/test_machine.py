"""The limits of a machine, by a clock that is ours."""

import time

import pytest
import torch

from bench.speed import machine

CPU = torch.device("cpu")


def test_the_best_of_at_least_three_runs_counts_after_one_that_warms_up(monkeypatch: pytest.MonkeyPatch) -> None:
    durations, done = iter([0.6, 0.1, 0.2, 0.4]), []
    now = [0.0]

    def work() -> None:
        done.append(0)
        if len(done) > 1:
            now[0] += next(durations)

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert machine._best(work) == pytest.approx(0.1) and len(done) == 1 + 3  # though half a second is over after one


def test_a_product_of_matrices_is_two_operations_per_entry_and_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SIDE", 8)
    monkeypatch.setattr(machine, "_best", lambda work: work() is None or 0.5)
    assert machine.matmul_rate(CPU, 1) == 2 * 8**3 / 0.5


@pytest.mark.parametrize(("copying", "reading", "rate"), [(2.0, 4.0, 1.0), (2.0, 0.25, 4.0)])
def test_a_copy_moves_each_byte_twice_and_the_higher_rate_counts(copying, reading, rate, monkeypatch) -> None:
    seconds = iter([copying, reading])
    monkeypatch.setattr(machine, "_COPIED", 4096)
    monkeypatch.setattr(machine, "_best", lambda work: work() is None or next(seconds))
    assert machine.bandwidth(CPU, 1) == rate * 4096 * 4


def test_a_processor_has_a_name_and_cores() -> None:
    name, cores = machine.processor().rsplit(", ", 1)
    assert name and cores == f"{torch.multiprocessing.cpu_count()} cores"
