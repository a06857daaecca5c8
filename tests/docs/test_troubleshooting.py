"""docs/troubleshooting.md quotes what leakbench says: commands are run, and other messages stand in the code."""

import ast
import functools
import re
import shlex
import sys
from pathlib import Path

import pytest

import bench
from bench.cli.main import main
from bench.messages.status import Status

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
BLOCKS = [block.strip() for block in re.findall(r"^```text\n(.*?)^```$", PAGE, re.M | re.S)]
ANSWERED = [tuple(block[2:].split("\n", 1)) for block in BLOCKS if block.startswith("$ ")]
QUOTED = [block for block in BLOCKS if not block.startswith("$ ")]
MEANT = 15  # letters that a template must have beside its blanks, so that it does not fit every message


@functools.cache
def templates() -> list[re.Pattern[str]]:
    """Each text of the code as a pattern: what is put into it when it is printed stands for any letters."""
    found = set()
    for path in [*Path(bench.__file__).parent.rglob("*.py"), *(ROOT / "datamodules").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts = [node.value]
            else:
                continue
            if sum(len(part) for part in parts if part) >= MEANT:
                found.add("".join(".+" if part is None else re.escape(part) for part in parts))
    return [re.compile(pattern) for pattern in found]


def is_in_the_code(message: str) -> bool:
    return any(pattern.fullmatch(message) for pattern in templates()) or message in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize(("command", "answer"), ANSWERED, ids=[command for command, _ in ANSWERED])
def test_leakbench_answers_what_the_page_says(command: str, answer: str, tmp_path, monkeypatch, capfd) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:  # of the tests of other pages
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 2
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"{answer}\n")
    assert list(tmp_path.iterdir()) == []  # nothing is written


@pytest.mark.parametrize("message", QUOTED)
def test_a_quoted_message_stands_in_the_code(message: str) -> None:
    assert is_in_the_code(message)


def test_a_message_that_the_code_does_not_have_is_found() -> None:
    assert not is_in_the_code("executor=slurm is missing; run: pip install 'leakbench[cluster]'")
    assert len(QUOTED) >= 10 and len(ANSWERED) >= 12


def test_every_status_of_a_victim_is_explained() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.M))
    assert list(table) == [status.value for status in Status]
    for status in Status:
        if status is not Status.DIVERGED:  # whose sentence is a rule with numbers, told in plain words
            assert table[status.value].startswith(status.sentence)
