"""Rows of several versions stand on one board only with a sentence that names them."""

from pathlib import Path
from typing import Any

from bench.report.rows import Row, read
from bench.report.versions import mixed
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def row_of(root: Path, attack: str, version: str | None = None, victims: int = 1, **facts: Any) -> Row:
    labels = {"attack": attack, "data": "mnist", "model": "m", "defense": "none", "threat": "basic"}
    cell = Store(root).cell(StoredLeak, attack, f"{len(list(root.glob('cells/*'))):016x}", {"labels": labels, **facts})
    row = {"status": "budget", "batch_size": 1, "versions": f'{{"leakbench": "{version}"}}' if version else None}
    if victims:
        cell.append([{"victim": victim, **row} for victim in range(victims)], [])
    return read(cell, query.rows(cell))


def test_one_version_needs_no_sentence(tmp_path: Path) -> None:
    assert mixed([row_of(tmp_path, "dlg", "0.1.0"), row_of(tmp_path, "idlg", "0.1.0")]) == []
    assert mixed([row_of(tmp_path, "dlg", "0.1.0"), row_of(tmp_path, "refused", victims=0)]) == []
    assert mixed([]) == []


def test_versions_of_leakbench_are_told_within_a_row_too(tmp_path: Path) -> None:
    both = row_of(tmp_path, "dlg", "0.1.0")
    both.cell.append([{"victim": 1, "status": "budget", "batch_size": 1, "versions": '{"leakbench": "0.2.0"}'}], [])
    both = read(both.cell, query.rows(both.cell))
    (line,) = mixed([row_of(tmp_path, "a", "0.1.0"), row_of(tmp_path, "b", "0.1.0"), both, row_of(tmp_path, "c")])
    assert line.endswith("0.1.0, 0.2.0 in dlg on mnist; not recorded in c on mnist; 0.1.0 in the others.")


def test_versions_of_an_option_are_told_by_its_name(tmp_path: Path) -> None:
    def row(name: str, version: int) -> Row:
        config = {"names": {"attack": name}, "attack": {"version": version}}
        return row_of(tmp_path, name, "0.1.0", config=config)

    assert mixed([row("dlg", 1), row("idlg", 2)]) == []  # two attacks, each of one version
    (line,) = mixed([row("dlg (lr=0.5)", 1), row("dlg", 2), row("dlg (lr=1)", 2)])
    assert line == (
        "Rows have several versions of attack dlg, so compare them with care: "
        "version 1 in dlg (lr=0.5) on mnist; version 2 in the others."
    )


def test_versions_of_a_metric_are_told(tmp_path: Path) -> None:
    def row(attack: str, identity: str) -> Row:
        return row_of(tmp_path, attack, "0.1.0", metrics={"psnr": {"identity": identity * 16}})

    (line,) = mixed([row("dlg", "a"), row("idlg", "b"), row("tag", "a")])
    assert line.startswith("psnr was computed in 2 ways (other settings or another version of the metric)")
    assert "identity bbbbbbbb in idlg on mnist; identity aaaaaaaa in the others" in line
