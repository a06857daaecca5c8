"""Protects: of a key that no config has, it is said what was meant and what there is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from bench.config.unknown_keys import has, is_free, leaves, unknown
from bench.errors import UnknownKeyError, UserError

CFG = OmegaConf.create(
    {
        "attack": {"_target_": "x", "lr": 1, "step": {"tries": 2}, "link": "${no.such.key}"},
        "model": {"arguments": {}, "width": 3, "nothing": None, "list": [1]},
        "seed": 0,
        "hydra": {"job": {"name": "x"}},
    }
)
words = st.text("ab", min_size=1, max_size=2)
trees = st.recursive(st.integers(), lambda inner: st.dictionaries(words, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(words, trees, min_size=1, max_size=3))
def test_leaves_are_the_keys_that_a_config_has_and_nothing_lies_below_them(tree: dict[str, Any]) -> None:
    cfg, found = OmegaConf.create(tree), leaves(tree)
    assert all(has(cfg, key) for key in found) and len(set(found)) == len(found)
    assert not any(has(cfg, f"{key}.{word}") for key in found for word in ("a", "b"))
    for key in found:
        value = OmegaConf.select(cfg, key)
        assert isinstance(value, int) or value == {}


@pytest.mark.parametrize(
    ("key", "there", "free"),
    [
        ("attack", True, False),
        ("attack.step.tries", True, False),
        ("attack.link", True, False),  # a link that leads nowhere is a key nevertheless
        ("attack.step.trees", False, False),
        ("attack.lr.more", False, False),
        ("attack.link.more", False, False),
        ("model.arguments", True, False),
        ("model.arguments.depth", False, True),
        ("model.arguments.a.b", False, True),
        ("model.nothing", True, False),
        ("model.nothing.a", False, False),
        ("model.list.a", False, False),
        ("nowhere.a", False, False),
    ],
)
def test_which_keys_there_are_and_which_may_be_added(key: str, there: bool, free: bool) -> None:
    if key != "attack.link.more":  # omegaconf cannot look below a link that leads nowhere
        assert is_free(CFG, key) == free
    assert has(CFG, key) == there


@pytest.mark.parametrize(
    ("key", "says", "kind"),
    [
        ("atack", "no group or key 'atack'; did you mean 'attack'? (there are attack, data, model)", UserError),
        (
            "attack.step.trees",
            "did you mean 'attack.step.tries'? (attack has lr, step, link)",
            None,
        ),
        ("tries", "no key 'tries'; did you mean 'attack.step.tries'? (there are attack, model, seed)", None),
        ("model.widht", "did you mean 'model.width'? (model has arguments, width, nothing, list)", None),
        ("zzzzzzzz.q", "no key 'zzzzzzzz.q' (there are attack, model, seed)", None),
    ],
)
def test_the_message_says_what_was_meant_and_what_there_is(key: str, says: str, kind: type | None) -> None:
    error = unknown(key, CFG, ["attack", "data", "model"])
    assert says in str(error) and "hydra" not in str(error) and "_target_" not in str(error)
    assert type(error) is (kind or UnknownKeyError)
