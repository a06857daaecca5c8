"""The README tells the truth: its code runs, its commands are understood, its links lead somewhere."""

import ast
import itertools
import re
import shlex
from pathlib import Path

import pytest

from bench.cli.parser import parse
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.config.sweep import combinations
from bench.running.cell import run_cell
from bench.running.components import instantiate_engine

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
        for cell in combinations([word for word in words[1:] if "=" in word]):
            assert compose(cell.overrides).names
    assert arguments is not None


def test_the_audit_runs(capsys: pytest.CaptureFixture) -> None:
    (code,) = [text for text in blocks("python") if "bench.audit" in text]
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("VERDICT    LEAKS")


def test_results_are_read_as_the_readme_says(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture) -> None:
    (code,) = [text for text in blocks("python") if "query.cells" in text]
    monkeypatch.chdir(tmp_path)
    run_cell(compose(["attack=noise", "data.victims=2", "metric=mse", "logger=none"]))
    capsys.readouterr()
    exec(compile(code, "README.md", "exec"), {})
    document, victims, samples = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"noise samples-cifar10 0\.\d+ 2", document)
    assert [row["status"] for row in ast.literal_eval(victims)] == ["converged"] * 2
    assert [row["position"] for row in ast.literal_eval(samples)] == [0, 0]


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def rows(text: str) -> list[list[str]]:
    """The cells of each line of the first Markdown table of a text, its header first."""
    table = text[text.index("\n|") :].split("\n\n")[0].strip()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [line for line in lines if not set("".join(line)) <= {":", "-"}]


def test_the_leaderboard_names_what_the_quick_suite_runs() -> None:
    """The table of the README is of the attacks and sets that configs/suite/quick.yaml runs today."""
    table = rows(README.split("<!-- leaderboard -->")[1])
    suite = (ROOT / "configs" / "suite" / "quick.yaml").read_text()
    attacks = set(re.findall(r"attack=(\w+)", suite))
    sets = {f"samples-{name}" for name in re.findall(r"data\.set=(\w+)", suite)}
    assert len(table[0]) <= 5
    assert {(row[0].split(" ")[0], row[1]) for row in table[1:]} == set(itertools.product(attacks, sets))


def test_the_short_table_has_the_figures_of_the_long_one() -> None:
    short = rows(README.split("<!-- leaderboard -->")[1])
    long = rows((ROOT / "docs" / "results.md").read_text())
    at = [long[0].index(name) for name in short[0]]
    assert [[row[i] for i in at] for row in long] == short


@pytest.mark.parametrize(("heading", "group"), [("Threat models", "threat"), ("Defences", "defense")])
def test_every_option_of_a_group_is_named(heading: str, group: str) -> None:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    there = {path.stem for path in (ROOT / "configs" / group).glob("*.yaml")} - {"none"}
    named = set(re.findall(r"`(\w+)`", section)) | set(re.findall(rf"{group}=(\w+)", section))
    assert there <= named


def test_the_letter_of_a_threat_model_is_that_of_its_config() -> None:
    named = dict(re.findall(r"^\| `(\w+)` \(model (\S+?)\)", README, re.M))
    assert set(named) == {path.stem for path in (ROOT / "configs" / "threat").glob("*.yaml")}
    for name, letter in named.items():
        assert compose([f"threat={name}"]).threat.letter == letter


@pytest.mark.slow
def test_the_attacks_of_the_table_exist_and_take_the_batches_that_it_says() -> None:
    table = rows(README.split("\n## Attacks\n")[1])
    for names, *_, batches, _ in table[1:]:
        for name in re.findall(r"`(\w+)`", names):
            cfg = compose([f"attack={name}"])
            attack = instantiate(cfg.attack, "attack", engine=instantiate_engine(cfg.engine))
            assert batches.startswith("one" if "batch_of_one" in attack.needs else "any"), name
