"""The tables of limits and of line-ups have a section per data set, and say once why a cell has no figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import by_data
from bench.report.table import Section


def cell(data: str, defense: str = "none", **reasons: str) -> dict[str, Any]:
    return {"data": data, "model": "lenet", "defense": defense, "reasons": reasons}


def section(data: str, found: Sequence[Mapping[str, Any]]) -> Section:
    return Section(f"{data}: {len(found)}", [], [])


def test_a_data_set_is_a_section_and_they_are_in_order() -> None:
    made = by_data.page("Limits", [cell("mnist"), cell("cifar10"), cell("mnist", "int8")], section)
    assert made.title == "Limits" and [one.title for one in made.sections] == ["cifar10: 1", "mnist: 2"]


def test_a_reason_is_said_once_and_names_its_cell() -> None:
    rounds = cell("mnist", "int8", cell="it rounds")
    found = by_data.reasons([rounds, cell("mnist", "gaussian", limit_mse="no noise"), rounds, cell("mnist")])
    assert found == ["int8 on lenet: it rounds"]
