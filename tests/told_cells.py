"""Results folders whose cells were told to W&B offline, by the real logger, within seconds."""

import functools
import shutil
import tempfile
from pathlib import Path

import page_cells
from page_cells import Kind

from bench.loggers.base import run_of
from bench.loggers.wandb import Wandb
from bench.report.page import write
from bench.results import query
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summary

GROUP = "quick"


def tell(root: Path, cell: StoredLeak, *, pictures: bool = True) -> None:
    """Tells a cell to W&B."""
    logger = Wandb("offline", "leakbench", None, pictures=pictures)
    logger.open(run_of(cell, root, GROUP))
    logger.finish(cell, summary(cell))


def told(root: Path, *, board: bool = True) -> Path:
    """A cell of images and one of sentences, told to W&B, and their board."""
    page_cells.add(root, Kind("idlg", "mnist"), 1, victims=3, shown=2)
    page_cells.add_sentences(root, "dlg_text", 2, (0, 4))
    for cell in query.cells(root).cells:
        tell(root, cell)
    if board:
        Wandb("offline", "leakbench", None, pictures=True).board(root, GROUP, write(root))
    return root


@functools.cache
def _told_once(*, board: bool) -> tempfile.TemporaryDirectory[str]:
    """A folder with what `told` leaves, which stays as it is until the process ends."""
    folder = tempfile.TemporaryDirectory()
    told(Path(folder.name) / "r", board=board)
    return folder


def copied(root: Path, *, board: bool = True) -> Path:
    """A copy of what `told` leaves, told once per process; its runs name files in the folder that was copied."""
    return Path(shutil.copytree(Path(_told_once(board=board).name) / "r", root))


def files(root: Path) -> list[Path]:
    """The offline runs of a results folder, oldest first."""
    return sorted(root.glob("wandb/offline-run-*/*.wandb"))
