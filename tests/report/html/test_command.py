"""The command that a row of the page shows computes that cell and no other."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from bench.config.compose import compose
from bench.report.html.command import _word, command
from bench.results import document as documents
from bench.results.plans import config_identity
from bench.storage.portable import portable

CELLS = [
    (),
    ("attack=idlg", "data=samples", "data.set=cifar10", "data.victims=8"),
    ("seed=3", "data.batch_size=4", "attack=inverting_gradients", "attack.tv=0.5"),
    ("attack=dlg_published", "attack.lr=0.5", "model=convnet64", "model.width=16"),
    ("data=sentences", "data.victims=2"),
    ("data=sentences", "attack=tag", "attack.weight=0.1", "threat=surrogate"),
    ("defense=gaussian", "defense.std=0.01"),
    ("defense=stack", "defense.parts=[clip,{gaussian: {std: 0.1}}]"),
    ("attack=idlg", "~metric.lpips_alex", "~metric.lpips_vgg", "engine.dtype=float64"),
    ("metric=psnr",),
    ("attack.objective={_target_: bench.objectives.cosine.Cosine}",),
    ("scale=full", "attack=idlg"),
    ("data=folder", 'data.root="/some where/pictures"'),
]


def stored(overrides: tuple[str, ...]) -> dict:
    """The config as a cell is stored with it."""
    found = OmegaConf.to_container(compose(["logger=none", *overrides]))
    return documents.plain(portable(found))


@pytest.mark.parametrize("overrides", CELLS, ids=" ".join)
def test_the_command_composes_the_same_cell(overrides: tuple[str, ...]) -> None:
    config = stored(overrides)
    words = shlex.split(command(config) or "")
    assert words[:2] == ["leakbench", "run"]
    again = stored(tuple(words[2:]))
    assert config_identity(again) == config_identity(config)
    assert again["data"]["victims"] == config["data"]["victims"]


def test_the_command_says_no_more_than_it_has_to() -> None:
    assert command(stored(("attack=idlg", "data.victims=8"))) == (
        "leakbench run data=samples attack=idlg model=lenet defense=none threat=basic data.victims=8"
    )


def test_an_option_of_the_users_own_has_no_command() -> None:
    config = stored(())
    config["names"]["attack"] = "mine"
    assert command(config) is None
    assert command({}) is None


PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "))


@given(st.recursive(st.none() | st.booleans() | st.integers() | PRINTABLE, st.lists, max_leaves=6))
@example(["\\", "a\\'b", "'", "null", "1e3", "~", "a b", "", "${x}", "[1]"])
def test_hydra_reads_every_value_as_it_was(value: object) -> None:
    (override,) = OverridesParser.create().parse_overrides([f"key={_word(value)}"])
    found = override.value()
    assert _plain(found) == value


def _plain(value: object) -> object:
    if isinstance(value, QuotedString):
        return value.text
    return [_plain(item) for item in value] if isinstance(value, list) else value
