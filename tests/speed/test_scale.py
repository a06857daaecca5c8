"""Time and memory for growing numbers of victims, by processes whose answers are given here."""

from pathlib import Path

import pytest

from bench.speed import memory, scale

ANSWERS = {10: (1.0, 1_000), 30: (5.0, 1_200), 130: (6.0, 1_200)}


def test_costs_are_those_of_each_further_victim(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measured(what: str, overrides: list[str], config_dir: Path | None) -> dict[str, float]:
        asked.append((what, overrides, config_dir))
        seconds, peak = ANSWERS[int(overrides[-1].removeprefix("data.victims="))]
        return {"seconds": seconds, "peak_bytes": peak}

    monkeypatch.setattr(memory, "measure", measured)
    given = ["attack=dlg", "seed=3", "engine.chunk=4", "data.victims=7", "trainer=cpu"]
    found = scale.measure(given, Path("mine"), tuple(ANSWERS))
    assert found["overrides"] == [*scale.TINY, "seed=3", "engine.chunk=4", "trainer=cpu"]  # of the cell, none but these
    assert [(what, words[:-1]) for what, words, _ in asked] == [("cell", found["overrides"])] * 3
    assert asked[0][2] == Path("mine") and found["rows"][1] == {"victims": 30, "seconds": 5.0, "peak_bytes": 1_200}
    assert found["memory_growth"] == 1.2
    assert found["bytes_per_further_victim"] == [10.0, 0.0] and found["seconds_per_further_victim"] == [0.2, 0.01]
