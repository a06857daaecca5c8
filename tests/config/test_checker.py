"""Protects: each value of a config is checked against the hint of its argument, and all faults are told at once.

The nodes of these tests name classes that need no torch.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.checker import Checker, links, show
from bench.config.instantiate import NodeFacts, parameters
from bench.config.root import EngineConfig, Target
from bench.config.typecheck import MismatchError

OPTION = {"_target_": "bench.config.options.Option", "name": "a", "description": "b", "path": "c"}
FACTS = {"_target_": "bench.config.instantiate.ModelFacts"}


class Short:
    """Says which keys are short keys, as `bench.config.short_keys.Knobs` does."""

    def __init__(self, known: tuple[str, ...], said: tuple[str, ...] = ()) -> None:
        self._known, self._said = known, said

    def known(self, key: str) -> bool:
        return key in self._known

    def said(self, key: str) -> bool:
        return key in self._said


def test_links_follow_absolute_and_relative_references() -> None:
    raw = {"a": {"b": {"c": "${..d}", "e": ["${a.d}"]}, "d": 1}, "f": "${oc.env:HOME}", "g": "x${a.d}"}
    assert links(raw) == {"a.b.c": "a.d", "a.b.e[0]": "a.d", "g": "a.d"}


words = st.text("abc", min_size=1, max_size=2)
trees = st.recursive(st.integers(), lambda inner: st.dictionaries(words, inner, min_size=1, max_size=3), max_leaves=6)


@given(st.dictionaries(words, trees, min_size=1, max_size=3))
def test_every_link_is_found_and_nothing_else(tree: dict[str, Any]) -> None:
    """Each leaf of a tree is made a link to the key of its own place in another tree."""

    def linked(node: Any, key: str) -> Any:
        if isinstance(node, dict):
            return {name: linked(item, f"{key}.{name}") for name, item in node.items()}
        wanted[key] = f"other.{key}"
        return f"${{other.{key}}}"

    wanted: dict[str, str] = {}
    assert links({"other": tree, "here": linked(tree, "here")}) == wanted


@dataclass
class Schedule:
    steps: int
    rate: float
    name: str | None = None


def test_all_faults_are_collected_and_what_fits_is_converted() -> None:
    checker = Checker({})
    checked = checker.fields({"steps": 1.5, "rates": 2, "name": 3}, parameters(Schedule), "training")
    assert checker.faults == [
        "training.steps=1.5: want a whole number",
        "unknown key 'training.rates'; did you mean 'rate'? (there are steps, rate, name)",
        "training.name=3: want text or null",
        "training.rate is missing: want a number",
    ]
    assert checked["rates"] == 2
    whole = Checker({})
    found = whole.fields({"steps": 2, "rate": 1}, parameters(Schedule), "")
    assert found == {"steps": 2, "rate": 1.0} and type(found["rate"]) is float and not whole.faults


def test_a_fault_names_the_key_that_gave_the_value_unless_the_user_typed_the_other() -> None:
    """A part takes its value from a short key, and that is what the user has to change."""
    followed = {"attack.step.lr": "attack.lr", "attack.lr": "attack.rate"}
    assert Checker(followed).origin("attack.step.lr") == "attack.rate"
    assert Checker(followed, Short((), ("attack.step.lr",))).origin("attack.step.lr") == "attack.step.lr"
    assert Checker(followed, Short((), ("attack.lr",))).origin("attack.step.lr") == "attack.lr"
    assert Checker({"a": "b", "b": "a"}).origin("a") in ("a", "b")  # two keys that refer to each other have an end
    checker = Checker(followed)
    checker.value("much", float, "attack.step.lr")
    checker.value("???", float, "attack.step.lr")
    checker.numbers({"attack": {"step": {"lr": float("inf")}}})
    assert checker.faults == [
        "attack.rate='much': want a number",
        "attack.rate has no value: say attack.rate=...",
        "attack.rate=inf: want a finite number",
    ]


def test_a_short_key_is_left_out_and_one_that_was_given_in_vain_is_a_fault() -> None:
    node = {**OPTION, "lr": 1}
    for knobs, kept, faults in (
        (Short(("a.lr",)), False, 0),
        (Short(("a.lr",), ("a.lr",)), False, 1),
        (Short(()), True, 1),
    ):
        checker = Checker({}, knobs)
        checked = checker.value(node, Any, "a")
        assert ("lr" in checked, len(checker.faults)) == (kept, faults)
    checker = Checker({"a.part.lr": "a.lr"})  # a part still follows it
    assert checker.value(node, Any, "a")["lr"] == 1 and not checker.faults
    without = Checker({"a.part.lr": "a.lr"})  # but only a node can have one
    without.fields({"steps": 1, "rate": 1, "lr": 1}, parameters(Schedule), "a")
    assert len(without.faults) == 1


def test_a_node_is_checked_against_its_constructor_and_the_hint() -> None:
    checker = Checker({})
    assert checker.value({**OPTION, "version": 2}, Any, "a") == {**OPTION, "version": 2}
    assert checker.value(FACTS, NodeFacts, "model") == {
        **FACTS,
        **{"version": 1, "per_victim": True, "loss": "cross_entropy", "checkpoint": None, "mode": "eval"},
    }
    assert checker.faults == []
    checker.value({**OPTION, "name": 3}, Any, "a")
    checker.value(OPTION, NodeFacts, "a")
    checker.value({**OPTION, "_target_": "bench.config.options.Opton"}, Any, "a")
    checker.value({"no": "target"}, Target, "a")
    assert checker.faults == [
        "a.name=3: want text",
        "a={...}: want a bench.config.instantiate.NodeFacts, not bench.config.options.Option",
        "a: module 'bench.config.options' has no class or function 'Opton'; did you mean 'Option'?",
        "a={...}: want a mapping with _target_ (the import path of what to build)",
    ]


def test_lists_and_mappings_are_checked_item_by_item() -> None:
    checker = Checker({})
    checker.value([OPTION, {**OPTION, "name": 1}], list[Target], "parts")
    checker.value({"x": OPTION, "y": {**OPTION, "name": 2}}, dict[str, Target], "metric")
    checker.value({"x": 1, "y": "2"}, dict[str, int] | None, "counts")
    checker.value({"x": 1}, int, "number")
    assert checker.faults == [
        "parts[1].name=1: want text",
        "metric.y.name=2: want text",
        "counts.y='2': want a whole number",
        "number={...}: want a whole number",
    ]


ENGINE = {"chunk": None, "compile": "auto", "threads": None, "dtype": "float32", "tf32": False}


def test_a_group_without_a_constructor_is_its_dataclass_with_its_ranges() -> None:
    checker = Checker({})
    assert checker.value(ENGINE, EngineConfig, "engine") == ENGINE and checker.faults == []
    checker.value({**ENGINE, "chunk": 0}, EngineConfig, "engine")
    checker.value({**ENGINE, "chunk": "0"}, EngineConfig, "engine")  # its range is not looked at
    checker.value(3, EngineConfig, "engine")
    assert checker.faults == [
        "engine.chunk=0: must be >= 1 (victims worked on at once)",
        "engine.chunk='0': want a whole number or null",
        "engine=3: want a mapping",
    ]


def test_an_early_check_imports_nothing_and_finds_what_the_source_shows() -> None:
    checker = Checker({}, early=True)
    checker.value({"_target_": "bench.engine.steps.Fixed", "lr": "much"}, Any, "attack.step")
    checker.value({"_target_": "no.such.Thing", "version": "new"}, Any, "attack.step")
    assert checker.faults == ["attack.step.lr='much': want a number", "attack.step.version='new': want a whole number"]


def test_what_is_no_mapping_of_its_hint_is_refused() -> None:
    with pytest.raises(MismatchError, match="want a number"):
        Checker({}).each({"a": 1}, float, "x")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        ("a", "'a'"),
        ({"a": 1}, "{...}"),
        ("x" * 99, "'" + "x" * 56 + "..."),
    ],
)
def test_a_value_is_shown_as_yaml_spells_it_and_short(value: Any, shown: str) -> None:
    assert show(value) == shown
