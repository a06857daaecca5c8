"""The .bib holds what a table uses: whole entries, found from the attacks' own docstrings."""

import re
from pathlib import Path

import pytest
import yaml
from paper_cells import add_cell

from bench.config import options as catalogue
from bench.report import bibliography
from bench.report.table_options import options
from bench.report.table_rows import TableRow, table_rows
from bench.results import query

KINDS = {
    "inproceedings": {"title", "author", "booktitle", "year"},
    "article": {"title", "author", "journal", "volume", "pages", "year"},
    "misc": {"title", "author", "year", "howpublished"},
    "techreport": {"title", "author", "institution", "year"},
}


@pytest.mark.parametrize("key", bibliography.entries())
def test_an_entry_is_whole(key: str) -> None:
    entry = bibliography.entries()[key]
    kind = re.match(r"@(\w+)", entry)[1]  # type: ignore[index]
    assert set(re.findall(r"^  (\w+) = \{", entry, re.M)) >= KINDS[kind]
    assert entry.count("{") == entry.count("}")
    assert re.search(r"\d{4}", key)[0] == re.search(r"year = \{(\d{4})\}", entry)[1]  # type: ignore[index]


def rows(root: Path) -> list[TableRow]:
    return table_rows(query.cells(root).cells, options("default", {}))


def test_what_a_table_uses(tmp_path: Path) -> None:
    add_cell(tmp_path, "idlg", [0.1])
    add_cell(tmp_path, "mine", [0.1])
    add_cell(tmp_path, "mean", [0.1], control=True)
    keys, unknown = bibliography.used(rows(tmp_path), ["psnr", "ssim"])
    assert keys == ["zhao2020idlg", "zhu2019deep", "lecun1998gradient", "wang2004image"]
    assert unknown == ["mine"]
    assert bibliography.text(keys).count("@") == 4
    assert bibliography.cited(rows(tmp_path)) == {"idlg": "zhao2020idlg"}


def test_every_attack_of_leakbench_that_names_a_paper_has_its_entry() -> None:
    for entry in catalogue.entries("attack").values():
        content = yaml.safe_load(entry.path.read_text())
        if "_target_" in content and not content.get("control") and entry.name not in ("noise", "mean", "retrieval"):
            assert bibliography.keys_of(content["_target_"]), entry.name


def test_what_is_not_of_the_package_has_no_known_paper() -> None:
    for target in ("my.attack.Mine", "", None, "bench.attacks.nothing.Here", "bench"):
        assert bibliography.keys_of(target) == []


def test_a_paper_without_an_arxiv_number_is_found_by_its_doi() -> None:
    keys = bibliography.keys_of("bench.attacks.exact.linear_layer.LinearLayer")
    assert keys == ["phong2018privacy", "geiping2020inverting"]
