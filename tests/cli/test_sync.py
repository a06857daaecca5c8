"""Protects: `leakbench sync` refuses in one line with exit code 2, and says one line per run."""

import json
from pathlib import Path

import pytest
import told_cells
from refusing_server import refusing_server

from bench.cli.main import main


@pytest.mark.slow
def test_a_comparison_says_one_line_per_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = told_cells.copied(tmp_path / "r")
    capfd.readouterr()
    assert main(["sync", str(root), "--dry-run"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 3 and all(": is whole (" in line for line in lines)
    assert main(["sync", str(root), "--dry-run", "--json"]) == 0
    out = json.loads(capfd.readouterr().out)
    assert len(out["runs"]) == 3 and out["failed"] == []


@pytest.mark.slow
def test_what_wandb_says_of_a_refused_run_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also though the command silences libraries."""
    root = told_cells.copied(tmp_path / "r")
    monkeypatch.delenv("WANDB_SILENT", raising=False)
    with refusing_server() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        capfd.readouterr()
        assert main(["sync", str(root)]) == 1
    err = capfd.readouterr().err
    assert "contains private data" in err
    assert [line.rpartition(": ")[2] for line in err.splitlines() if "not uploaded" in line] == ["no such key"] * 3


def test_mistakes_are_one_line_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "r").mkdir()
    for words, sentence in (
        (["sync", str(tmp_path / "r")], "needs a key"),
        (["sync", str(tmp_path / "r"), "--dry-run"], "no offline run of W&B"),
        (["sync", str(tmp_path / "nowhere")], "no results folder"),
    ):
        assert main(words) == 2
        err = capfd.readouterr().err
        assert sentence in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "r"] and not list((tmp_path / "r").iterdir())
