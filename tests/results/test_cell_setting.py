"""Cells are compared by what they are about, however they were stored."""

from pathlib import Path
from typing import Any

from bench.results.cell_setting import defense_of, model_and_victims, setting_of, victims_of
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits

NAMES = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}


def cell(
    root: Path, number: int = 0, kind: type[Any] = StoredLeak, threat: dict[str, bool] | None = None, **config: Any
) -> Any:
    whole = {
        "attack": {},
        "model": {"width": 12},
        "data": {"victims": 8, "seed": 0},
        "defense": {},
        "seed": 0,
        **config,
    }
    facts = {"labels": NAMES, "config": whole, "contents": {"data": "abc"}, "threat": {"grants": threat or {}}}
    return Store(root).cell(kind, "x", f"{number:016x}", facts)


def test_a_limit_is_about_the_same_victims_and_model_as_an_attack(tmp_path: Path) -> None:
    leak, limit = cell(tmp_path), cell(tmp_path, kind=StoredLimits)
    assert victims_of(leak) == victims_of(limit) and model_and_victims(leak) == model_and_victims(limit)
    assert defense_of(leak.facts) == defense_of(limit.facts)


def test_the_number_of_victims_and_the_folder_of_the_data_make_no_difference_and_the_rest_does(tmp_path: Path) -> None:
    first = cell(tmp_path)
    same = cell(tmp_path, 1, data={"victims": 3, "seed": 0, "root": "/elsewhere"})
    assert model_and_victims(first) == model_and_victims(same)
    others = [cell(tmp_path, 2, seed=1), cell(tmp_path, 3, model={"width": 4}), cell(tmp_path, 4, data={"seed": 1})]
    assert len({model_and_victims(one) for one in [first, *others]}) == 4
    assert victims_of(others[0]) == victims_of(first) != victims_of(others[2])


def test_grants_count_unless_they_are_left_out(tmp_path: Path) -> None:
    known, blind = cell(tmp_path, threat={"labels": True}), cell(tmp_path, 1, threat={"labels": False})
    assert setting_of(known, ()) != setting_of(blind, ())
    assert setting_of(known, ("labels",)) == setting_of(blind, ("labels",))
