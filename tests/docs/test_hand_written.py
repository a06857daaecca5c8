"""What the pages written by hand say holds: commands are understood, code runs, links to headings lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from bench.cli.parser import parse
from bench.config.compose import compose
from bench.config.sweep import combinations
from bench.messages.status import Status

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUICK_START, CONCEPTS, GLOSSARY = (
    (DOCS / f"{name}.md").read_text() for name in ("quick-start", "concepts", "glossary")
)
PAGES = {path.name: path.read_text() for path in DOCS.glob("*.md")}


def commands(page: str) -> list[str]:
    """The commands of a page that stand on lines of their own, without their comments."""
    blocks = re.findall(r"^```\n(.*?)^```$", page, re.M | re.S)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("leakbench ") and "..." not in line]


@pytest.mark.parametrize("command", [*commands(QUICK_START), *commands(CONCEPTS)])
def test_every_command_is_understood(command: str) -> None:
    words = shlex.split(command)[1:]
    assert parse(words).command == words[0]
    cells = combinations([word for word in words if "=" in word]) if words[0] == "run" else []
    if len(cells) == 1:  # of several cells some have keys that the others lack, which is the suite's work to tell
        assert compose(cells[0].overrides).names


def test_the_code_of_the_quick_start_prints_what_it_says(capsys: pytest.CaptureFixture) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", QUICK_START, re.S)
    (expected,) = re.findall(r"^VERDICT.*$", QUICK_START, re.M)
    exec(compile(code, "quick-start.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0] == expected


def test_the_board_of_the_quick_start_is_of_what_the_quick_suite_runs() -> None:
    suite = yaml.safe_load((DOCS.parent / "configs" / "suite" / "quick.yaml").read_text())
    data, attacks = suite["grid"]
    rows = set(re.findall(r"^(\w+)\*?\s+samples-(\w+)\s+8\s+0\s", QUICK_START, re.M))
    assert rows == {(attack.split("=")[1], one.split("data.set=")[1]) for attack in attacks for one in data}


def test_the_words_of_the_glossary_are_in_order_and_none_is_missing() -> None:
    words = re.findall(r"^\*\*([^*]+?)\.?\*\*", GLOSSARY, re.M)
    assert words == sorted(words, key=str.lower)
    wanted = ["victim", "cell", "suite", "board", "threat", "defence", "evaluation", "iteration", "success", "chunk"]
    assert all(any(word in one.lower() for one in words) for word in wanted)
    assert all(f"`{status}`" in GLOSSARY for status in (Status.BUDGET.value, Status.CONVERGED.value))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_has_one_title_and_its_links_to_headings_lead_somewhere(name: str) -> None:
    text = re.sub(r"^```.*?^```", "", PAGES[name], flags=re.M | re.S)
    assert len(re.findall(r"^# .+", text, re.M)) == 1 and PAGES[name].startswith("# ")
    for page, anchor in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", text):
        target = (DOCS / page).read_text() if page else text
        headings = [
            re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)", target, re.M)
        ]
        assert anchor in headings, f"{page}#{anchor}"
