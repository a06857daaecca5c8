"""The options of `leakbench speed`: what they become, and what is refused."""

import re
import shlex
from pathlib import Path

import pytest

from bench.cli import parser
from bench.cli.parser import parse
from bench.errors import UserError
from bench.speed import options
from bench.speed.options import Options


def test_examples_in_the_help_can_be_parsed():
    lines = re.findall(r"^  leakbench (.*)$", options.HELP, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(re.split(r"\s{2,}|\s>\s", line.strip())[0])
        assert parser.parse(words).command == "speed"


def test_words_become_options() -> None:
    words = ["speed", "attack=dlg", "--rounds", "3", "--seconds", "0.5", "--victims", "7", "--chunks", "4, 2"]
    words += ["--threads", "1", "--variant", "attack.history=20 engine.chunk=2", "--variant", "seed=1", "--scale"]
    found = Options.of(parse([*words, "--no-success", "--no-memory", "--workers", "--config-dir", "mine", "seed=2"]))
    assert found == Options(
        overrides=["attack=dlg", "seed=2"],
        config_dir=Path("mine"),
        rounds=3,
        seconds=0.5,
        victims=7,
        chunks=(4, 2),
        threads=(1,),
        variants=[["attack.history=20", "engine.chunk=2"], ["seed=1"]],
        success=False,
        memory=False,
        scale=True,
        workers=True,
    )


def test_what_is_not_said_is_as_the_class_says() -> None:
    assert Options.of(parse(["speed", "--threads", "1,2"])) == Options([], variants=[])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--rounds", "0"], "'0' is not a whole number of at least 1"),
        (["--victims", "-3"], "expected one argument|'-3' is not a whole number"),
        (["--victims", "\u0663"], "is not a whole number"),  # a digit, but not one of ASCII's
        (["--chunks", "8,many"], "'many' is not a whole number"),
        (["--chunks", "8,8"], "'8,8' names a number twice"),
        (["--seconds", "0"], "'0' is not a number of seconds above 0"),
        (["--seconds", "inf"], "'inf' is not a number of seconds"),
        (["--seconds", "nan"], "'nan' is not a number of seconds"),
        (["--threads", "100000"], "--threads=100000: too many threads"),
    ],
)
def test_what_cannot_be_measured_is_one_line(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        parse(["speed", *words])
    assert "\n" not in str(caught.value)
