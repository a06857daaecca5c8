"""The command line as it is read: commands, options and overrides in any order, and one line for each mistake."""

import re
import shlex
from pathlib import Path

import pytest

import bench
from bench.cli import parser
from bench.cli.parser import parse
from bench.errors import UserError

COMMANDS = [
    *("run", "train", "suite", "rescore", "status", "report", "view", "table", "compare", "show", "figure"),
    *("prepare", "list", "export", "import", "merge", "verify", "sync", "dashboard", "speed", "completion"),
    "audit",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_teaches_with_examples(name: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        parse([name, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "examples:" in text and text.count(f"leakbench {name}") >= 3


def test_examples_in_the_help_can_be_parsed() -> None:
    texts = [parser.TOP, parser.RUN, parser.TRAIN, parser.SUITE, parser.STATUS]
    texts += [parser.RESCORE, parser.REPORT, parser.VIEW, parser.PREPARE, parser.LIST]
    lines = [line for text in texts for line in re.findall(r"^  leakbench (.*)$", text, re.MULTILINE)]
    assert len(lines) >= 20
    for line in lines:
        example = re.split(r"\s{2,}", line.strip())[0]
        assert parse(shlex.split(example)).command == example.split()[0]


def test_overrides_may_stand_before_between_and_behind_options() -> None:
    found = parse(["run", "attack=idlg", "--json", "data=mnist", "--config-dir", "mine", "seed=1"])
    assert found.overrides == ["attack=idlg", "data=mnist", "seed=1"]
    assert found.json and not found.verbose and found.config_dir == Path("mine")
    found = parse(["prepare", "mnist", "--try", "lpips"])
    assert found.names == ["mnist", "lpips"] and found.forgiving


def test_a_folder_is_the_default_or_the_one_that_is_named() -> None:
    assert parse(["status"]).folder == Path("results") and parse(["report", "out"]).folder == Path("out")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lst"], "no command 'lst'; did you mean 'list'? (there are run, train, suite,"),
        (["--jason"], "no option '--jason'"),
        (["--hlep"], "no option '--hlep'; did you mean '--help'? (leakbench --help)"),
        (["run", "--jsn"], "no option '--jsn'; did you mean '--json'? (leakbench run --help)"),
        (["run", "--config-dri=x"], "no option '--config-dri'; did you mean '--config-dir'?"),
        (["status", "one", "two"], "'two' is one word too many (leakbench status --help)"),
        (["suite"], "leakbench suite needs a NAME (leakbench list suites)"),
        (["run", "--js"], "no option '--js'"),  # no abbreviation is guessed
        (["run", "--config-dir"], "expected one argument (leakbench run --help)"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_match(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(words)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_the_version_and_the_help_are_printed_and_end_the_program(capsys: pytest.CaptureFixture) -> None:
    for words in (["--version"], []):
        with pytest.raises(SystemExit) as end:
            parse(words)
        assert end.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"leakbench {bench.__version__}\n") and all(f"\n    {name}" in text for name in COMMANDS)
