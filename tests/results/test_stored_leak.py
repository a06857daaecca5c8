"""A cell of victims: which of them are done, what a later run may add, and what a reader of its examples gets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.errors import UserError
from bench.messages.status import Status
from bench.results.stored_leak import ENDED_WELL, StoredLeak

CellMaker = Callable[..., StoredLeak]


def test_a_victim_is_tried_again_only_if_the_machine_failed(make_cell: CellMaker, rows: tuple) -> None:
    """An attack that diverged would diverge again; a machine may have more memory next time."""
    victim, sample = rows
    cell = make_cell()
    words = [status.value for status in Status]
    cell.append([victim(i, status=word) for i, word in enumerate(words)], [sample(0)])
    again = {words.index("out_of_memory"), words.index("error")}
    left = set(range(len(words))) - again
    assert cell.done() == left == set(cell.times()) and cell.count(0) == len(left)
    assert cell.count(3) == len(left & {0, 1, 2})
    assert {status.value for status in Status if not status.failed} == ENDED_WELL
    cell.append([victim(i) for i in again], [])
    assert cell.done() == set(range(len(words))) and cell.count(0) == len(words)


def test_the_times_are_those_of_the_latest_append(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    for seconds in (9.0, 0.5):
        cell.append([victim(0, seconds=seconds), victim(1, seconds=None)], [sample(0), sample(1)])
    times = cell.times()
    assert {key: seconds for key, (_, seconds) in times.items()} == {0: 0.5, 1: 0.0}
    assert times[0][0] > 10**18  # nanoseconds since 1970


def test_no_victims_leave_no_files(make_cell: CellMaker) -> None:
    cell = make_cell()
    cell.append([], [])
    assert list(cell.parts.iterdir()) == [] and cell.done() == set() and cell.count(0) == 0


@pytest.mark.parametrize(("config", "wanted"), [({}, 0), ({"data": None}, 0), ({"data": {"victims": 8}}, 8)])
def test_the_wanted_victims_are_those_of_the_config(config: dict, wanted: int) -> None:
    assert StoredLeak.wanted(config) == wanted


def facts(config: dict[str, Any] | None = None, **metrics: str) -> dict[str, Any]:
    return {"config": config or {}, "metrics": {key: {"identity": words} for key, words in metrics.items()}}


def test_a_later_run_adds_metrics_and_replaces_none() -> None:
    """The scores of MSE stay stored if a later run asks for PSNR only, and so must what the tables know of MSE."""
    before = {**facts({"metric": {"mse": {"a": 1}}}, mse="m"), "reasons": {"lpips": "no net", "psnr": "off"}}
    found = StoredLeak.merged(before, {**facts({"metric": {"psnr": {"b": 2}}, "seed": 0}, psnr="p"), "reasons": {}})
    assert {key: value["identity"] for key, value in found["metrics"].items()} == {"mse": "m", "psnr": "p"}
    assert found["config"] == {"metric": {"mse": {"a": 1}, "psnr": {"b": 2}}, "seed": 0}
    assert found["reasons"] == {"lpips": "no net"}  # that of PSNR is settled
    with pytest.raises(UserError, match=r"metric.mse has other settings .* results=DIR"):
        StoredLeak.merged(before, facts(mse="another"))


def test_a_first_run_gets_no_empty_entries() -> None:
    assert StoredLeak.merged({}, {"labels": {}}) == {"labels": {}}


def test_the_table_of_examples_has_a_row_per_example_with_every_score(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    pair = np.stack([np.zeros((2, 2)), np.ones((2, 2))])[None, :, None]
    curve = {"curve_at": np.array([[0, 5, -1]]), "curve": np.array([[1.0, 0.25, 0.0]], np.float32)}
    pictures = {"ids": np.array([0]), "truth": pair, "guess": 1 - pair, **curve}
    samples = [sample(0, at, mse=at / 10, label_guess=at) for at in (1, 0)]
    cell.append([victim(0, batch_size=2, status="budget"), victim(1)], [*samples, sample(1, psnr=20.0)], pictures)
    table = cell.examples()
    found = [dict(zip(table.columns, row)) for row in table.rows]
    assert [(row["victim"], row["position"]) for row in found] == [(0, 0), (0, 1), (1, 0)]
    assert [row["mse"] for row in found] == [0.0, 0.1, 1e-5] and [row["psnr"] for row in found] == [None, None, 20.0]
    assert [row["status"] for row in found] == ["budget", "budget", "converged"]
    assert [row["label_guess"] for row in found] == [0, 1, 3]
    assert found[2]["truth"] is found[2]["reconstruction"] is None
    (one,) = cell.curves()
    assert one.name == "objective/victim_0" and one.points == [(0, 1.0), (5, 0.25)]  # -1 is no evaluation
