"""A small suite of a user's, and what its cells leave behind."""

from pathlib import Path

import pytest

from bench.results import query

SUITE = """# four small cells
overrides:
  - data=samples
  - data.set=mnist
  - data.size=8
  - data.victims=2
  - logger=none
  - metric=mse
  - engine.compile=false
  - engine.threads=1
  - engine.chunk=1
  - trainer=cpu
grid:
  - [attack=noise, "attack=idlg attack.evaluations=9"]
  - [seed=0, seed=1]
"""
PLACES = ("seconds", "started", "part", "stored", "host", "device", "rank")


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A folder for --config-dir with the suite `small`."""
    folder = tmp_path / "configs"
    (folder / "suite").mkdir(parents=True)
    (folder / "suite" / "small.yaml").write_text(SUITE)
    return folder


@pytest.fixture
def rows():
    """Every row of a results folder by cell, without times and places."""

    def read(folder: Path) -> dict:
        found = {}
        for cell in query.cells(folder).cells:
            stored = query.rows(cell)
            tables = (stored.victims.to_pylist(), stored.samples.to_pylist())
            found[cell.identity] = [
                [{key: value for key, value in row.items() if key not in PLACES} for row in table] for table in tables
            ]
        return found

    return read
