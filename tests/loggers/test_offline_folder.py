"""Offline runs are compared with the store, and told again from it: what they lack, and what they may show."""

import shutil
from pathlib import Path

import page_cells
import page_sentences
import pytest
import told_cells
from page_cells import Kind

from bench.errors import UserError
from bench.loggers import told_run
from bench.loggers.offline_folder import offline_runs, retell
from bench.results import query


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return told_cells.copied(tmp_path_factory.mktemp("told") / "r")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A told folder whose runs name files that are no longer where they were."""
    return told_cells.told(tmp_path_factory.mktemp("moved") / "old").rename(tmp_path_factory.mktemp("to") / "new")


@pytest.mark.slow
def test_whole_runs_have_the_rows_and_images_of_the_store(told: Path) -> None:
    runs, strays = offline_runs(told)
    images, sentences, board = (runs[0], runs[1], runs[2]) if "idlg" in runs[0].name else (runs[1], runs[0], runs[2])
    assert not strays and [run.lacks for run in runs] == [None] * 3
    assert (images.rows, images.images) == (3, 2 * (1 + len(page_cells.MOMENTS)) + 2 * 2)
    assert (sentences.rows, sentences.images) == (4, 0)
    assert (board.name, board.cell, board.rows) == (f"board {told_cells.GROUP}", None, 2)
    assert all(run.shows and run.private and not run.synced for run in runs)
    assert {run.group for run in runs} == {told_cells.GROUP}


def test_what_the_store_has_and_the_run_lacks_is_counted(told: Path, tmp_path: Path) -> None:
    shutil.copytree(told, tmp_path / "r")
    page_cells.add(tmp_path / "r", Kind("idlg", "mnist"), 1, victims=5, shown=4)
    (run,) = (run for run in offline_runs(tmp_path / "r")[0] if run.cell and "idlg" in run.name)
    assert run.lacks == f"it has 3 of 5 rows and {run.images} of {2 * run.images} images"


@pytest.mark.slow
@pytest.mark.parametrize("private", [True, False])
def test_runs_of_a_moved_folder_are_told_again_with_private_data_only_if_they_may(
    private: bool, moved: Path, tmp_path: Path
) -> None:
    shutil.copytree(moved, tmp_path / "new")
    runs, _ = offline_runs(tmp_path / "new")
    assert all(run.lacks and "is missing" in run.lacks for run in runs)
    home = None if private else tmp_path / "aside"
    for run in runs:
        again = retell(tmp_path / "new", run, private=private, home=home)
        assert again.lacks is None and again.shows == private and again.group == told_cells.GROUP
        assert (home or tmp_path / "new") in again.file.parents
    if home:
        for path in home.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert path.suffix != ".png" and b"data:image" not in content
            assert not any(sentence.encode() in content for sentence in page_sentences.SENTENCES)
    else:
        assert [run.lacks for run in offline_runs(tmp_path / "new")[0]] == [None] * 3


def test_a_run_that_was_told_without_pictures_stays_without(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=2)
    told_cells.tell(tmp_path, cell, pictures=False)
    (run,), _ = offline_runs(tmp_path)
    assert (run.lacks, run.images, run.wanted_images, run.shows) == (None, 0, 0, False)


@pytest.mark.slow
def test_a_run_that_breaks_off_is_told_again_under_its_id(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=2)
    told_cells.tell(tmp_path, cell)
    (file,) = told_cells.files(tmp_path)
    file.write_bytes(file.read_bytes()[:3000])
    (run,), _ = offline_runs(tmp_path)
    assert run.lacks == "it breaks off" and not run.private, "the cell's config says nothing of pictures"
    again = retell(tmp_path, run, private=False)
    assert again.lacks is None and told_run.read(again.file).identity == cell.identity


def test_runs_of_no_cell_and_boards_of_other_cells_are_left_out(told: Path, tmp_path: Path) -> None:
    shutil.copytree(told, tmp_path / "r")
    (sentences,) = (cell for cell in query.cells(tmp_path / "r").cells if "text" in cell.slug)
    shutil.rmtree(sentences.folder)
    runs, strays = offline_runs(tmp_path / "r")
    assert len(runs) == 1 and len(strays) == 2
    assert any("a board of other cells" in stray for stray in strays)
    assert any("belongs to no cell" in stray for stray in strays)


def test_a_folder_without_runs_is_one_line(tmp_path: Path) -> None:
    page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=1)
    with pytest.raises(UserError, match="no offline run of W&B"):
        offline_runs(tmp_path)
