"""Protects: a table names the settings that differ from an option's file, each once, and no folder of this machine."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.display_names import changed, named, title

FILE = {"lr": 1.0, "step": {"lr": 1.0, "tries": 20}, "seed": 0, "root": "/a", "part": None, "flags": [1, 2]}


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        ({}, ""),
        ({"lr": 0.5}, "lr=0.5"),
        ({"lr": 0.5, "step": {"lr": 0.5, "tries": 20}}, "lr=0.5"),  # the part follows the short key
        ({"lr": 0.5, "step": {"lr": 0.25, "tries": 20}}, "lr=0.5, step.lr=0.25"),
        ({"step": {"lr": 1.0, "tries": 3}}, "step.tries=3"),
        ({"seed": 1, "root": "/b", "victims": 3, "batch_size": 2, "name": "x", "version": 2, "set": "mnist"}, ""),
        ({"part": True}, "part=true"),
        ({"lr": True}, "lr=true"),
        ({"part": False, "lr": None}, "lr=null, part=false"),
        ({"flags": [1, None, True]}, "flags=[1,null,true]"),
        ({"weights": "/home/jo/best net.pt"}, "weights=bestnet.pt"),
        ({"parts": [{"clip": {"norm": 1.0}}, {"noise": None}]}, "parts=[clip(norm=1.0),noise=null]"),
    ],
)
def test_what_differs_is_shown_once_and_without_its_folder(node: dict[str, Any], shown: str) -> None:
    whole = {**FILE, **node}
    assert changed(whole, FILE) == shown
    assert named("dlg", whole, FILE) == (f"dlg ({shown})" if shown else "dlg")


values = st.integers(0, 2) | st.booleans() | st.none() | st.sampled_from(["a", "b"])


@given(st.dictionaries(st.sampled_from("uvw"), values), st.dictionaries(st.sampled_from("uvw"), values))
def test_two_nodes_have_one_name_if_they_are_one(node: dict[str, Any], other: dict[str, Any]) -> None:
    """Two rows of a table may not be called the same; Python takes True for 1, so these two are not told apart."""
    file: dict[str, Any] = {}
    same = named("x", node, file) == named("x", other, file)
    assert same == (list(map(repr, node.items())) == list(map(repr, other.items())))


def test_a_data_set_has_its_own_title_and_the_changes_of_its_option() -> None:
    assert title("samples-mnist", "samples (labels=random)") == "samples-mnist (labels=random)"
    assert title("cifar10", "cifar10") == "cifar10"
