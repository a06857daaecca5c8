"""`leakbench speed` from the command line: one document, figures that agree with each other, one line for a mistake."""

import json
import re

import pytest
import torch

from bench.cli.main import main
from bench.speed import compare, sequential, setting
from bench.speed.contestants import Rate

KEYS = {
    "ratio",
    "seconds_per_success_ratio",
    "attack",
    "data",
    "model",
    "device",
    "processor",
    "torch",
    "loop",
    "engine",
    "variants",
    "chunks",
    "flops_per_evaluation",
    "matmul_rate",
    "share_of_matmul",
    "bandwidth",
    "history_traffic",
    "peak_memory",
    "scale",
    "workers",
    "reasons",
    "seconds_per_success_ratios",
}
TINY = ["speed", "data.size=8", "engine.chunk=2", "engine.compile=false", "attack.history=4", "attack.evaluations=40"]
SHORT = ["--rounds", "3", "--seconds", "0.05", "--threads", "1", "--chunks", "1,3"]
FAST = [*TINY, *SHORT, "--no-memory"]


@pytest.fixture(autouse=True)
def _loud_again():
    import logging

    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
def test_one_document_whose_figures_agree(capfd, monkeypatch):
    monkeypatch.setattr(sequential, "STEPS", 1)
    monkeypatch.setattr(setting, "BLOCK", 20)
    threads = torch.get_num_threads()
    assert main([*FAST, "--json", "--victims", "2", "--variant", "attack.history=7 engine.chunk=5"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert set(found) >= KEYS
    assert torch.get_num_threads() == threads
    loop, engine, (variant,) = found["loop"], found["engine"], found["variants"]
    for one in (*loop["by_threads"], engine, variant):
        assert len(one["rounds"]) == 3 and min(one["rounds"]) > 0
        assert one["evaluations_per_second"] == sorted(one["rounds"])[1]
    best = max(row["evaluations_per_second"] for row in loop["by_threads"])
    assert found["ratio"] == engine["evaluations_per_second"] / best
    assert variant["ratio"] == variant["evaluations_per_second"] / best
    assert (engine["chunk"], engine["history"], variant["chunk"], variant["history"]) == (2, 4, 5, 7)
    assert [(row["chunk"], row["threads"]) for row in found["chunks"]] == [(1, 1), (3, 1)]
    assert all(row["ratio"] == row["evaluations_per_second"] / best for row in found["chunks"])
    done = engine["evaluations_per_second"] * found["flops_per_evaluation"]
    assert found["share_of_matmul"] == pytest.approx(done / found["matmul_rate"]) and 0 < found["share_of_matmul"] < 1
    traffic = found["history_traffic"]
    assert [row["history"] for row in traffic] == [4, 7]
    for row, one in zip(traffic, (engine, variant)):
        limit = found["bandwidth"] / row["bytes_per_evaluation"]
        assert row["share_of_limit"] == pytest.approx(one["evaluations_per_second"] / limit)
    assert loop["whole_runs"]["victims"] == 2 and loop["seconds_per_success"] is None
    assert engine["seconds_per_success"] == engine["whole_runs"]["seconds"] / engine["whole_runs"]["successes"]
    assert found["seconds_per_success_ratio"] is None
    assert "no success of the loop" in found["reasons"]["seconds_per_success_ratio"]
    assert found["seconds_per_success_ratios"] == [None] * 3
    for one in (engine, variant):
        first, *_, last = one["thresholds"]
        assert (first["mse"], last["mse"]) == (1e-2, 1e-4) and last["successes"] <= first["successes"]
        assert first["seconds_per_success"] == one["seconds_per_success"]
    assert found["device"] and found["torch"] == torch.__version__


@pytest.mark.slow
def test_tables_for_a_person_and_memory_of_both(capsys):
    assert main([*TINY, *SHORT[:-1], "1", "--no-success", "--rounds", "1"]) == 0
    text = capsys.readouterr().out
    for word in ("published loop", "engine, chunk 2", "eager", "eval/s", "matrix products", "chunk sizes", "torch"):
        assert word in text
    for kind in ("loop", "engine"):
        assert re.search(rf"peak memory, {kind} +[\d.]+ [MG]B, [\d.]+ [MG]B before it began", text)
    assert re.search(r"the engine does [\d.]+ times the evaluations per second of the published loop$", text.strip())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--round", "3"], "did you mean '--rounds'"),
        (["--rounds", "0"], "'0' is not a whole number of at least 1"),
        (["--chunks", "8,many"], "'many' is not a whole number"),
        (["--threads", "2,2"], "names a number twice"),
        (["--seconds", "0"], "'0' is not a number of seconds above 0"),
        (["attack=idgl"], "did you mean 'idlg'"),
        (["attack=noise"], "attack=noise does not match gradients"),
        (["metric=psnr"], "successes by the MSE"),
        (["data.batch_size=2"], "batch of one"),
        (["data.size=8", "engine.chunk=2", "--variant", "engine.chonk=3"], "did you mean 'engine.chunk'"),
    ],
)
def test_a_mistake_costs_one_line(words, sentence, capfd, monkeypatch):
    monkeypatch.setattr(setting, "BLOCK", 8)  # the setting itself is prepared before its variants
    assert main(["speed", *words]) == 2
    out, err = capfd.readouterr()
    assert not out and sentence in err and err.startswith("leakbench: ") and err.count("\n") == 1


def test_the_contestants_take_turns():
    turns = []

    class Contestant:
        def __init__(self, name):
            self.name = name

        def warm_up(self):
            turns.append(f"warm {self.name}")
            return Rate(1, 1.0)

        def turn(self, seconds):
            turns.append(self.name)
            return Rate(len(turns), seconds)

    found = compare.take_turns([Contestant("A"), Contestant("B")], 3, 2.0)
    assert turns == ["warm A", "warm B", "A", "B", "A", "B", "A", "B"]
    assert [one.per_second for one in found] == [5 / 2, 6 / 2]  # medians of 3, 5, 7 and of 4, 6, 8 in two seconds
