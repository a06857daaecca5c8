"""YAML files that stand for more than a machine can hold, or for something without an end: one line at once."""

import os
import time

import pytest
import yaml

from bench.config.compose import compose
from bench.config.yaml_bounds import VALUES, check_text
from bench.errors import UserError
from bench.running import suite_file

LAUGHS = "".join(f"k{i}: &k{i} [{', '.join([f'*k{i - 1}'] * 10)}]\n" for i in range(1, 12))
BROKEN = {
    "laughs": ("# x\nk0: &k0 [1]\n" + LAUGHS, r"mine\.yaml:\d+: more than 20,000 values"),
    "merges": ("# x\nk0: &k0 {a: 1}\n" + LAUGHS.replace("[", "{<<: [").replace("]", "]}"), "more than 20,000 values"),
    "cycle": ("# x\na: &a\n  b: [1, *a]\n", r"mine\.yaml:3: the alias \*a stands within what it names"),
    "brackets": ("# x\na: " + "[" * 5_000 + "]" * 5_000, "more than 50 levels"),
    "braces": ("# x\na: " + "{a: " * 5_000 + "}" * 5_000, "more than 50 levels"),
    "indents": ("# x\n" + "".join(" " * i + "a:\n" for i in range(200)), "more than 50 levels"),
    "long": ("# x\na: [" + "1, " * 30_000 + "]", "more than 20,000 values"),
    "large": ("# " + "x" * 2_000_000, "bytes are too many"),
    "itself": ("# x\ndefaults: [mine]\n", r"its defaults lead back to itself \(mine -> mine\)"),
    "circle": ("# x\ndefaults: [other, _self_]\n", r"its defaults lead back to itself"),
    "from the top": ("# x\ndefaults: [/attack/other]\n", r"its defaults lead back to itself"),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "other.yaml").write_text("# other\ndefaults: [mine]\n")
    (tmp_path / "suite").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_without_bounds_is_refused_at_once(name, folder):
    text, sentence = BROKEN[name]
    (folder / "attack" / "mine.yaml").write_text(text)
    began = time.process_time()
    with pytest.raises(UserError, match=sentence) as caught:
        compose(["attack=mine"], folder)
    assert time.process_time() - began < 1 and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["laughs", "cycle", "brackets"])
def test_a_suite_is_read_with_the_same_care(name, folder):
    (folder / "attack" / "other.yaml").unlink()
    (folder / "suite" / "mine.yaml").write_text(BROKEN[name][0])
    with pytest.raises(UserError, match=BROKEN[name][1]):
        suite_file.load("mine", folder)


def test_a_file_that_never_ends_is_not_opened(folder):
    os.mkfifo(folder / "attack" / "mine.yaml")
    with pytest.raises(UserError, match="not a regular file"):
        compose(["attack=mine"], folder)


def test_what_is_counted_is_what_the_parser_would_build():
    """One value below the bound passes, one above does not; aliases count as often as they stand."""
    check_text("a: &a [" + "1, " * 98 + "]\nb: [" + "*a, " * 100 + "]", "x")  # 100 * 99 and a little
    check_text(yaml.safe_dump([0] * (VALUES - 1)), "x")
    with pytest.raises(UserError):
        check_text(yaml.safe_dump([0] * VALUES), "x")


def test_a_shared_part_and_a_long_way_of_defaults_are_no_mistake(folder):
    (folder / "attack" / "other.yaml").write_text("# other\ndefaults: [idlg, _self_]\n")
    (folder / "attack" / "mine.yaml").write_text(
        "# mine\ndefaults: [other, _self_]\nstop: {iterations: &n 7, evaluations: *n}\n"
    )
    assert compose(["attack=mine"], folder).attack.stop.evaluations == 7
