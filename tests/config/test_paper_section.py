"""What a suite's file says of a paper: a mistake is one line, and a figure that nobody has looked up is not shown."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.config import options, paper_section
from bench.errors import UserError
from bench.running import suite_file

ITEM = {
    "what": "labels",
    "metric": "label_accuracy",
    "figure": 0.899,
    "known": "READ",
    "where": "Table 1",
    "published": "dlg_published",
    "best": None,
}


def content(**changed: Any) -> dict[str, Any]:
    return {"source": "A paper", "cells": {"B": 1, "data": "*mnist*"}, "items": [{**ITEM, **changed}]}


def test_the_words_that_items_share_hold_for_each_unless_it_has_its_own() -> None:
    found = paper_section.section(content(cells={"data": "cifar10"}), "here")
    assert found.items[0].cells == {"B": 1, "data": "cifar10"} and found.notes == []
    assert paper_section.section(content(), "here").items[0].cells == {"B": 1, "data": "*mnist*"}


@pytest.mark.parametrize(
    ("known", "figure", "shown"),
    [
        ("READ", 0.899, ("0.899", "READ, Table 1")),
        ("DIGITISED", 0.0001, ("0.0001", "DIGITISED, Table 1")),
        ("FROM MEMORY", 0.899, ("not quoted", "NOT QUOTED, Table 1")),
        ("NOT QUOTED", None, ("not quoted", "NOT QUOTED, Table 1")),
    ],
)
def test_a_figure_that_nobody_has_looked_up_is_not_shown(known: str, figure: float | None, shown: tuple) -> None:
    found = paper_section.section(content(known=known, figure=figure), "here")
    assert (found.items[0].shown, found.items[0].source) == shown
    assert paper_section.lines(found) == [["labels", "label_accuracy", *shown, "dlg_published", "none"]]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"known": "HEARD"}, "here: item 1: known='HEARD': want one of 'READ'"),
        ({"figure": "0.9"}, "here: item 1: figure='0.9': want a number"),
        ({"figure": None}, "known: READ wants the figure"),
        ({"known": "NOT QUOTED"}, "figure=0.899: is not quoted: leave it null"),
        ({"published": None}, "name an attack as published, as best, or as both"),
        ({"cells": {"dta": "mnist"}}, "cells: no key 'dta'; did you mean 'data'"),
        ({"metrc": "psnr"}, "unknown key 'metrc'; did you mean 'metric'"),
    ],
)
def test_a_mistake_is_one_line(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        paper_section.section(content(**changed), "here")


def test_a_section_needs_a_source_and_a_figure() -> None:
    with pytest.raises(UserError, match="here: items: want at least one figure"):
        paper_section.section({"source": "A paper", "items": []}, "here")
    with pytest.raises(UserError, match="source is missing"):
        paper_section.section({"items": [ITEM]}, "here")


def test_a_suite_with_a_mistake_in_it_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "suite").mkdir()
    file = tmp_path / "suite" / "mine.yaml"
    file.write_text("# mine\ngrid: [[attack=dlg]]\npaper: {source: A paper, items: []}\n")
    with pytest.raises(UserError, match=r"mine\.yaml: paper: items: want at least one figure"):
        suite_file.load("mine", tmp_path)
    with pytest.raises(UserError, match="want at least one figure"):
        paper_section.of_suite("mine", tmp_path)


def test_a_suite_without_one_and_a_name_without_a_suite_have_none(tmp_path: Path) -> None:
    assert paper_section.of_suite("quick") is None and paper_section.of_suite("sweep-seed") is None
    broken = tmp_path / "broken.yaml"
    broken.write_text("paper: [")
    with pytest.raises(UserError, match=r"broken\.yaml:1: not valid YAML"):
        paper_section.of_file(broken)


@pytest.mark.parametrize("name", options.entries("suite"))
def test_the_papers_of_all_suites_are_read(name: str) -> None:
    """An attack beside a figure is one that there is, and the suite names it."""
    found = paper_section.of_suite(name)
    suite = suite_file.load(name)
    assert (found is None) == (suite.paper is None)
    named = {word for axis in [*suite.grid, suite.also] for choice in axis for word in choice.split()}
    for item in found.items if found else ():
        for attack in filter(None, (item.published, item.best)):
            assert f"attack={attack.partition(' (')[0]}" in named


def test_the_example_of_the_docs_is_read() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reproduction.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.S)
    found = paper_section.section(yaml.safe_load(example)["paper"], "here")
    assert found.items[0].shown == "0.899" and found.items[0].cells["data"] == "*mnist*"


def test_the_docs_name_every_suite_that_is_about_a_paper() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reproduction.md").read_text()
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert named == {name for name in options.entries("suite") if paper_section.of_suite(name)}
