"""Claims about defences are judged by how strong a defence is, in whatever terms its strength was given."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench.config.compose import compose
from bench.config.instantiate import import_target
from bench.defenses.noise import _Noise
from bench.report.hypotheses import judged
from bench.report.strengths import ordered
from bench.results.join import boards
from bench.results.query import cells
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.running.components import defense_of

WEAK = "noise of standard deviation 1e-4 does not stop DLG"
STRONG = "noise of standard deviation 1e-2 and more stops DLG"
PRUNED = "pruning stops DLG from 20 to 50 % on"
# each the same strength, said in another way
SAME = {
    "std": ["defense=gaussian", "defense.std=1e-4"],
    "variance": ["defense=gaussian", "defense.std=null", "defense.variance=1e-8"],
    "laplacian variance": ["defense=laplacian", "defense.std=null", "defense.variance=1e-8"],
    "a stack of one": ["defense=stack", "defense.parts=[{gaussian: {std: null, variance: 1e-8}}]"],
}
STOPS = {
    "variance": (["defense=gaussian", "defense.std=null", "defense.variance=1e-4"], STRONG),
    "laplacian": (["defense=laplacian", "defense.std=null", "defense.variance=1e-4"], STRONG),
    "pruning": (["defense=pruning", "defense.fraction=0.5"], PRUNED),
    "the whole": (["defense=pruning_global", "defense.fraction=0.5"], PRUNED),
    "pruning by scope": (["defense=pruning", "defense.scope=model", "defense.fraction=0.5"], PRUNED),
    "a stack": (["defense=stack", "defense.parts=[{pruning: {fraction: 0.5}}]"], PRUNED),
}


def add(root: Path, number: int, overrides: list[str], found: bool, described: bool) -> None:
    """A cell of DLG on this defence: every image found, or none."""
    cfg = compose(overrides)
    labels = dict(cfg.names) | {"attack": "dlg", "data": "mnist", "model": "lenet", "threat": "basic"}
    config: dict[str, Any] = {"seed": 0, "data": {"batch_size": 1}, "defense": compose_plain(cfg.defense)}
    facts = {"labels": labels, "config": config}
    if described:
        facts["defense"] = {"parts": parts_of(defense_of(cfg.defense))}
    cell = Store(root).cell(StoredLeak, "dlg", f"{number:016x}", facts)
    sample = {"position": 0, "sample": 0, "label": 0, "label_guess": 0, "mse": 1e-6 if found else 0.1}
    cell.append(
        [{"victim": v, "status": "budget", "batch_size": 1} for v in range(3)],
        [{"victim": v, **sample} for v in range(3)],
    )


def compose_plain(node: Any) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(node)


def parts_of(defense: Any) -> list[dict[str, Any]]:
    """As a row has them: class and parameters, and of noise both its standard deviation and its variance."""
    inner = getattr(defense, "parts", [defense])
    found = [{"defense": type(part).__name__, **dataclasses.asdict(part)} for part in inner]
    for part, facts in zip(inner, found):
        if isinstance(part, _Noise):
            facts |= {"std": part.strength, "variance": part.strength**2}
    return found


def verdicts(root: Path) -> dict[str, str]:
    (board,) = boards(cells(root).cells, [])
    return {one.claim: one.verdict for one in judged(board)}


@pytest.mark.parametrize("described", [True, False], ids=["described", "config only"])
@pytest.mark.parametrize("name", SAME)
def test_weak_noise_is_weak_however_it_is_said(tmp_path: Path, name: str, described: bool) -> None:
    if name == "a stack of one" and not described:
        described = True  # of a stack only its description says what is in it
    add(tmp_path, 0, ["defense=none"], True, described)
    add(tmp_path, 1, SAME[name], True, described)
    found = verdicts(tmp_path)
    assert found[WEAK] == "holds" and STRONG not in found


@pytest.mark.parametrize("name", STOPS)
def test_a_strong_defence_is_strong_however_it_is_said(tmp_path: Path, name: str) -> None:
    overrides, claim = STOPS[name]
    add(tmp_path, 0, ["defense=none"], True, True)
    add(tmp_path, 1, overrides, False, True)
    found = verdicts(tmp_path)
    assert found[claim] == "holds" and WEAK not in found


def test_strengths_stand_in_order_of_what_they_do(tmp_path: Path) -> None:
    given = {"std=1e-3": 1, "std=1e-1": 3}
    add(tmp_path, 0, ["defense=none"], True, True)
    for setting, number in given.items():
        add(tmp_path, number, ["defense=gaussian", f"defense.{setting}"], True, True)
    add(tmp_path, 2, ["defense=gaussian", "defense.std=null", "defense.variance=1e-4"], True, True)
    (board,) = boards(cells(tmp_path).cells, [])
    titles = [line.title for line in ordered(board.lines)]
    assert titles == ["none", "gaussian std 0.001", "gaussian variance 0.0001", "gaussian std 0.1"]


def test_the_names_of_noise_are_those_of_its_classes() -> None:
    from bench.results.defense_result import _NOISE

    for name, option in _NOISE.items():
        assert issubclass(import_target(compose([f"defense={option}"]).defense._target_, "defense"), _Noise)
        assert compose([f"defense={option}"]).defense._target_.endswith(f".{name}")
