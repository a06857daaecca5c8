"""Protects: `leakbench merge` makes one folder of two, counts what it brought, and refuses in one line."""

import json
from pathlib import Path

import pytest
from shared_cells import run_small

from bench.cli.main import main


def test_two_folders_are_merged_into_a_third(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_small("results=here")
    run_small("results=there", "seed=1")
    capfd.readouterr()
    assert main(["merge", "here", "there", "-o", "both", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"cells": 2, "new": 2, "units": 0, "notes": [], "results": "both"}
    assert main(["report", "both", "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)) == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("merge here", "takes several results folders"),
        ("merge here nowhere -o out", "here holds no cell"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    line: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err and list(tmp_path.iterdir()) == []
