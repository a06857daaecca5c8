"""The words of the command line: what is quoted for the user, and what is refused before any grammar sees it."""

import time

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from bench.config.compose import compose
from bench.config.overrides import _quoted, read
from bench.errors import UserError

FOLDERS = [
    "/home/josé/out",
    "/data/my pictures",
    "/data/o'brien",
    '/data/"x"',
    "/runs/lr=1",
    "/a,b",
    "(1)",
    "123",
    "日本",
]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("key", ["results", "paths.data", "data.root"])
def test_a_folder_may_be_called_anything(key, folder):
    _, (found,) = read([f"{key}={folder}"])
    assert found.value() == folder
    _, (quoted,) = read([f"{key}='{folder}'"]) if "'" not in folder else read([f"{key}={_quoted(folder)}"])
    assert quoted.value() == folder


def test_folders_of_all_groups_reach_the_cell():
    cfg = compose(["data=folder", "data.root=/data/é=1", "results=/out/ü", "paths.weights=/w's"])
    assert (cfg.data.root, cfg.results, cfg.paths.weights) == ("/data/é=1", "/out/ü", "/w's")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_quoted_text_is_read_back_as_it_was(text):
    """Hydra's own grammar is the judge; `${` begins an interpolation in any text."""
    if "${" not in text:
        assert OverridesParser.create().parse_override(f"k={_quoted(text)}").value() == text


@pytest.mark.parametrize("key", ["results", "paths.data", "paths.weights"])
@pytest.mark.parametrize("nothing", ['""', "' '"])
def test_no_name_is_no_folder(key, nothing):
    with pytest.raises(UserError, match=f"{key}='.*' names no folder"):
        compose([f"{key}={nothing}"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("attack.views=" + "[" * 5_000, "more than 30 levels"),
        ("attack.views=" + "[" * 5_000 + "]" * 5_000, "more than 30 levels|10,000 at most"),
        ("attack.lr=" + "f(" * 100 + "1" + ")" * 100, "more than 30 levels"),
        ("+model.arguments" + ".a" * 4_000 + "=1", "more than 30 levels"),
        ("attack.views=[" + ",".join(["0.1"] * 100_000) + "]", "10,000 at most"),
        ("attack.lr=" + "1" * 5_000, "cannot be read"),
        ("attack.lr=${attack.lr}", "attack.lr: Recursive interpolation"),
        ("results=/x\udcff", "not text in this machine's encoding"),
    ],
    ids=lambda value: value[:24],
)
def test_what_no_grammar_should_see_is_one_short_line_at_once(text, sentence):
    began = time.process_time()
    with pytest.raises(UserError, match=sentence) as caught:
        compose([text])
    assert time.process_time() - began < 1
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200
