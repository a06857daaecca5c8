"""The document of a measurement as tables and as a sentence; a document is written here by hand."""

import io
from typing import Any

import pytest
from rich.console import Console

from bench.speed.report import scaled, sentence, tables


def one(rate: float, **more: Any) -> dict[str, Any]:
    return {"threads": 1, "evaluations_per_second": rate, "compiled": False, "compile_seconds": 0.0, **more}


def document() -> dict[str, Any]:
    runs = {"successes": 3, "images": 8}
    return {
        "attack": "idlg", "data": "mnist", "model": "lenet", "rounds": 5, "seconds": 2.0,
        "ratio": 7.96, "seconds_per_success_ratio": None, "device": "cpu", "processor": "a processor", "torch": "2.9",
        "loop": one(100.0, by_threads=[one(100.0), one(80.0, threads=2)], seconds_per_success=None, whole_runs=runs),
        "engine": one(
            796.0, chunk=32, one_by_one=False, own_convolutions=True, seconds_per_success=0.25, whole_runs=runs
        ),
        "variants": [one(1234.0, overrides=["attack.history=20"], ratio=12.34, compiled=True, compile_seconds=17.25)],
        "flops_per_evaluation": 12_345_678, "flops": {"matching": 12e6, "history": 345_678},
        "matmul_rate": 2e11, "share_of_matmul": 0.0491, "bandwidth": 1.5e10,
        "history_traffic": [
            {"history": h, "evaluations_per_second_limit": limit, "bytes_per_evaluation": 4e6, "share_of_limit": 0.5}
            for h, limit in ((100, 3750.0), (100, 3750.0), (0, None))
        ],
        "peak_memory": {"engine": {"peak_bytes": 5e8, "before_bytes": 2e8}}, "reasons": {"seconds_per_success": "none"},
        "chunks": [one(796.0, chunk=32, ratio=7.96)],
        "workers": None, "scale": None, "seconds_per_success_ratios": None,
    }  # fmt: skip


def printed(found: dict[str, Any]) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    for table in tables(found):
        console.print(table)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_every_contestant_has_its_line() -> None:
    lines = printed(document())
    assert "attack=idlg data=mnist model=lenet; medians of 5 turns of 2 s" in lines
    assert "published loop 1 100 1.00 none 3 of 8" in lines
    assert "published loop 2 80 0.80" in lines
    assert "engine, chunk 32, own convolutions 1 796 7.96 0.25 3 of 8 eager" in lines
    assert "attack.history=20 1 1,234 12.34 17.2" in lines
    assert "32 1 796 7.96 eager" in lines


def test_the_machine_has_its_limits_once_per_history() -> None:
    lines = printed(document())
    assert "floating-point operations per evaluation 12.3 Mflop" in lines
    assert "the engine's share of it 4.9 %" in lines
    assert lines.count("history of 100, bytes per evaluation 4 MB") == 1
    assert not any("history of 0" in line for line in lines)
    assert "peak memory, engine 500 MB, 200 MB before it began" in lines
    assert "seconds per success none" in lines


def test_each_contestant_says_what_a_success_costs_at_each_threshold() -> None:
    found = document() | {"seconds_per_success_ratios": [20.0, None]}
    costs = {"loop": (5.0, None), "engine": (0.25, 0.5), "variant": (0.125, None)}
    for one, name in zip((found["loop"], found["engine"], *found["variants"]), costs):
        one["whole_runs"] = {"successes": 4, "images": 8, "evaluations_per_victim": 1800.0}
        one["thresholds"] = [
            {"mse": mse, "successes": 4, "seconds_per_success": needs} for mse, needs in zip((1e-2, 1e-4), costs[name])
        ]
    lines = printed(found)
    assert "images evaluations MSE <= 0.01 MSE <= 0.0001" in lines
    assert "published loop 8 1,800 5 (0.50) none" in lines and "attack.history=20 8 1,800 0.125 (0.50) none" in lines
    assert "engine, chunk 32, own convolutions 8 1,800 0.25 (0.50) 0.5 (0.50)" in lines
    assert "loop over engine 20.0" in lines


def test_scale_and_workers_are_shown_if_they_were_measured() -> None:
    assert not any("victims" in line for line in printed(document()))
    rows = [{"victims": 200, "seconds": 1.0, "peak_bytes": 1e8}, {"victims": 1000, "seconds": 2.5, "peak_bytes": 1.1e8}]
    further = {"seconds_per_further_victim": [0.001875], "bytes_per_further_victim": [12_500.0]}
    scale = {"memory_growth": 1.1, "rows": rows, **further}
    sides = {name: {"evaluations_per_second": 10.0, "processes": n, "threads": 2 // n} for name, n in SIDES.items()}
    lines = printed(document() | {"scale": scale, "workers": {"cores": 2, "ratio": 1.5, **sides}})
    assert "200 1.0 100 MB" in lines and "1,000 2.5 1.88 ms 110 MB 12.5 kB" in lines
    assert "2 cores: apart does 1.50 times as much as together" in lines and "apart 2 1 10" in lines


SIDES = {"together": 1, "apart": 2}


def test_the_result_in_one_sentence() -> None:
    text = "the engine does 8.0 times the evaluations per second of the published loop"
    assert sentence(document()) == text
    assert (
        sentence(document() | {"seconds_per_success_ratio": 20.0})
        == f"{text}, and needs 20.0 times fewer seconds for a success"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 "), (950, "950 "), (999.4, "999 "), (999.6, "1 k"), (12_345_678, "12.3 M"), (1e18, "1e+03 P")],
)
def test_numbers_have_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert scaled(value) == text
