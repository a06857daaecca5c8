"""The README tells the truth: its code runs, its commands are understood, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from bench.cli.parser import parse
from bench.config.compose import compose
from bench.running.cell import run_cell

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.S)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def commands() -> list[str]:
    lines = [line.split("  #")[0].strip() for text in blocks("") for line in text.splitlines()]
    inline = re.findall(r"`(leakbench run [^`]+)`", README, re.S)
    return [line for line in [*lines, *(" ".join(i.split()) for i in inline)] if line.startswith("leakbench")]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_understood(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    arguments = parse(words)
    if words[0] == "run" and "--config-dir" not in words:
        assert compose([word for word in words[1:] if "=" in word]).names
    assert arguments is not None


def test_the_audit_runs(capsys: pytest.CaptureFixture) -> None:
    (code,) = [text for text in blocks("python") if "bench.audit" in text]
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("True")


def test_the_attack_of_the_readme_runs_from_outside_the_repository(tmp_path: Path, monkeypatch) -> None:
    (code,) = [text for text in blocks("python") if "class Gray" in text]
    (config,) = [text for text in blocks("yaml") if "my_package.gray.Gray" in text]
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "gray.py").write_text(code)
    (tmp_path / "my_configs" / "attack").mkdir(parents=True)
    (tmp_path / "my_configs" / "attack" / "gray.yaml").write_text(config)
    monkeypatch.chdir(tmp_path)
    overrides = ["attack=gray", "logger=none", "data.victims=2", f"results={tmp_path / 'r'}"]
    document = run_cell(compose(overrides, tmp_path / "my_configs"))
    assert document["attack"] == "gray"
    assert document["mse"]["n"] == 2


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_leaderboard_names_what_the_quick_suite_runs() -> None:
    """The table of the README is of the attacks and sets that configs/suite/quick.yaml runs today."""
    table = README.split("<!-- leaderboard -->")[1]
    suite = (ROOT / "configs" / "suite" / "quick.yaml").read_text()
    for attack in re.findall(r"attack=(\w+)", suite):
        assert attack in table
    for name in re.findall(r"data\.set=(\w+)", suite):
        assert f"samples-{name}" in table
