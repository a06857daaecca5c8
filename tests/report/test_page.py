"""The report as a user gets it: files that belong together, from results alone, or one line that says why not."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from bench.errors import UserError
from bench.report.page import Report, write
from bench.results import query


@pytest.fixture
def copy(reported: tuple[Path, Report]) -> Path:
    """Results that were moved, as from a cluster."""
    return reported[0]


@pytest.fixture
def report(reported: tuple[Path, Report]) -> Report:
    """The report among the results themselves."""
    return reported[1]


def test_every_file_is_written_and_every_link_leads_to_a_picture(copy: Path, report: Report) -> None:
    names = [path.relative_to(copy).as_posix() for path in report.paths]
    assert names[:3] == ["leaderboard.md", "leaderboard.csv", "leaderboard.tex"]
    assert len(names) == 9 and names[-1] == "index.html"
    page = (copy / "leaderboard.md").read_text(encoding="utf-8")
    for name in names[3:-1]:
        assert f"({name})" in page
        Image.open(copy / name).verify()
    assert report.warnings == []
    assert [found["attack"] for found in report.summaries] == ["idlg", "dlg", "random_noise", "dlg", "idlg", "idlg"]
    assert all(found["results"].startswith(str(copy)) for found in report.summaries)
    assert report.text.startswith("Threat model: B\n")


@pytest.mark.slow
def test_a_report_is_the_same_twice(copy: Path, tmp_path: Path) -> None:
    """Somewhere else, too: what names the folder is a path within it. Of one cell with pictures and one without."""
    two = [cell.folder for cell in query.cells(copy).cells if cell.identity[0] in "35"]
    for folder in two:
        shutil.copytree(folder, tmp_path / "results" / "cells" / folder.name)
    report = write(tmp_path / "results")
    again = write(tmp_path / "results", tmp_path / "again")
    assert len(report.summaries) == 2 and any(path.suffix == ".png" for path in report.paths)
    assert [path.read_bytes() for path in report.paths] == [path.read_bytes() for path in again.paths]
    assert not list(tmp_path.glob("**/.*"))


def test_foreign_files_are_named_and_the_rest_is_reported(copy: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(copy, tmp_path / "results"))
    (root / "old.parquet").write_text("not parquet")
    report = write(root)
    assert len(report.summaries) == 6
    (line,) = report.warnings
    assert "old.parquet" in line
    assert "old.parquet" in (root / "leaderboard.md").read_text(encoding="utf-8")


def test_nothing_to_report_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no results in .*; name another folder or run: leakbench suite quick"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file"):
        write(copy, tmp_path / "file")
