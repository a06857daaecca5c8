"""A defence at one strength: which attack counts, and how strong its noise or pruning is, however that was given."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.modalities.images import MODALITY
from bench.results.defense_result import DefenseBoard, DefenseResult, deviation
from bench.results.leaks import LeakageScore, leak
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]


@pytest.fixture
def scored(make_cell: CellMaker, rows: tuple) -> Callable[..., LeakageScore]:
    """`scored(attack, mse, defense facts)`: the leakage of a stored victim with this error."""
    victim, sample = rows
    numbers = itertools.count()

    def build(attack: str = "idlg", mse: float = 1e-3, **defense: Any) -> LeakageScore:
        labels = {"attack": attack, "data": "cifar10", "model": "lenet", "defense": "x", "threat": "basic"}
        cell = make_cell(f"{next(numbers):016x}", labels=labels, defense=defense or None)
        cell.append([victim(0)], [sample(0, mse=mse)])
        found = leak(cell, {})
        assert found is not None
        return found

    return build


def result(leaks: list[LeakageScore], family: str = "none", strength: str = "", **node: Any) -> DefenseResult:
    return DefenseResult(f"{family} {strength}", node, family, strength, leaks)


def test_the_attack_that_gets_most_counts(scored: Callable) -> None:
    """A defence is as good as under the attack that leaks most: 40, 30 and 10 dB for these errors."""
    found = result([scored("a", 1e-1), scored("b", 1e-4), scored("c", 1e-3)], "gaussian", "std 0.1")
    assert found.worst.attack == "b" and found.worst.mean == pytest.approx(40.0)
    assert found.by("c") is found.leaks[2] and found.by("d") is None
    assert (found.title, result(found.leaks, "none").title) == ("gaussian std 0.1", "none")


NOISE = {"defense": "Gaussian", "std": 0.1, "variance": 0.01}
PRUNED = {"defense": "Pruning", "fraction": 0.5}


@pytest.mark.parametrize(
    ("parts", "noise", "pruned"),
    [
        ([NOISE], 0.1, None),
        ([{"defense": "Laplacian", "std": None, "variance": 0.04}], 0.2, None),
        ([PRUNED], None, 0.5),
        ([NOISE, PRUNED], None, None),  # neither of the two is the strength of both
        ([PRUNED, NOISE], None, None),
        ([{"defense": "Clip", "std": 0.1, "fraction": 0.5}], None, None),
        ([None], None, None),
        ([], None, None),
    ],
)
def test_the_strength_is_that_of_the_only_part(scored: Callable, parts: list, noise: Any, pruned: Any) -> None:
    """What is stored of the defence decides, and not the option that it came from."""
    found = result([scored(parts=parts)], "gaussian", std=9.0, fraction=9.0)
    assert (found.noise, found.pruned) == (None if noise is None else pytest.approx(noise), pruned)


@pytest.mark.parametrize(
    ("family", "noise", "pruned"),
    [
        ("gaussian", 0.3, None),
        ("laplacian", 0.3, None),
        ("pruning", None, 0.7),
        ("pruning_global", None, 0.7),
        ("stack", None, None),
    ],
)
def test_the_config_decides_if_no_part_is_stored(scored: Callable, family: str, noise: Any, pruned: Any) -> None:
    found = result([scored()], family, std=0.3, fraction=0.7)
    assert (found.facts, found.noise, found.pruned) == ({}, noise, pruned)


@given(st.floats(1e-6, 1e3))
def test_a_deviation_is_the_root_of_a_variance(std: float) -> None:
    assert deviation({"variance": std**2}) == pytest.approx(std)
    assert deviation({"std": std, "variance": 7.0}) == std
    assert deviation({}) is deviation({"variance": -1.0}) is None


def test_a_board_knows_its_scale_and_the_result_without_a_defence(scored: Callable) -> None:
    lines = [result([scored()], "pruning"), result([scored()], "none")]

    def board(lines: list[DefenseResult]) -> DefenseBoard:
        return DefenseBoard("mnist", "lenet", ["basic"], 1, MODALITY, lines, ["idlg"], None, False)

    assert board(lines).undefended is lines[1] and board(lines[:1]).undefended is None
    assert board(lines).scale.name == "PSNR" and np.isfinite(lines[0].worst.mean)
