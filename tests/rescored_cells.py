"""Small cells that are attacked here, to be rescored."""

import functools
import shutil
import tempfile
from pathlib import Path

from sentence_cells import QUICK as SENTENCES

from bench.cli.main import main
from bench.config.compose import compose
from bench.results import parts, query
from bench.results.stored_leak import StoredLeak
from bench.running.cell import run_cell

ENGINE = ("logger=none", "trainer=cpu", "engine.threads=1", "engine.compile=false")
# Two images per batch, so that the reconstructions are assigned; after this seed the first victim's are swapped.
IMAGES = ("attack=dlg", "attack.evaluations=40", "data.set=mnist", "data.size=12", "data.batch_size=2")
IMAGES += ("data.victims=3", "engine.chunk=3", *ENGINE)
STORED = (*IMAGES, "attack.evaluations=3")  # where it does not matter what was reconstructed
WORDS = (*SENTENCES, "attack.evaluations=4", "data.victims=2", "data.batch_size=2", "trainer=cpu")


def run(root: Path, *overrides: str) -> StoredLeak:
    run_cell(compose([*overrides, f"results={root}"]))
    return cell_in(root)


@functools.cache
def _attacked(*overrides: str) -> tempfile.TemporaryDirectory[str]:
    """A folder with the cell of these overrides, which stays as it is until the process ends."""
    folder = tempfile.TemporaryDirectory()
    run(Path(folder.name), *overrides)
    return folder


def copied(root: Path, *overrides: str) -> StoredLeak:
    """What `run` leaves, in a copy of a cell that is attacked once per process."""
    shutil.copytree(_attacked(*overrides).name, root, dirs_exist_ok=True)
    return cell_in(root)


def cell_in(root: Path) -> StoredLeak:
    (cell,) = query.cells(root).cells
    return cell


def rescore(root: Path, *words: str, code: int = 0) -> None:
    assert main(["rescore", str(root), "trainer=cpu", *words]) == code


def content(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def scores(cell: StoredLeak) -> dict[str, list[float | None]]:
    samples = query.samples(cell)
    return {name: samples[name].to_pylist() for name in sorted(parts.metric_names(samples))}
