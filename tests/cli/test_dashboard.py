"""Protects: `leakbench dashboard` writes a file without a network and says how it is published."""

import json
from pathlib import Path

import page_cells
import pytest
from page_cells import Kind
from refusing_server import refusing_server

from bench.cli.main import main


def test_the_specification_is_written_and_the_next_step_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=1)
    assert main(["dashboard", str(tmp_path)]) == 0
    out = capfd.readouterr().out
    assert f"{tmp_path / 'dashboard.json'}: " in out and "leakbench dashboard --publish --entity" in out
    assert main(["dashboard", str(tmp_path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"file": str(tmp_path / "dashboard.json")}


@pytest.mark.parametrize(
    ("words", "sentence"), [(["--publish"], "needs --entity NAME"), (["--publish", "--entity", "me"], "needs a key")]
)
def test_mistakes_are_one_line(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=1)
    assert main(["dashboard", str(tmp_path), *words]) == 2
    err = capfd.readouterr().err
    assert sentence in err and err.count("\n") == 1


def test_a_server_that_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=1)
    with refusing_server() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        assert main(["dashboard", str(tmp_path), "--publish", "--entity", "me"]) == 2
    assert "leakbench: W&B refuses me/leakbench: " in capfd.readouterr().err
