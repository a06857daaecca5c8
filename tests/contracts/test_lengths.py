"""A file holds one concept, so none is longer than 300 lines."""

from pathlib import Path

import pytest

import bench

ROOT = Path(bench.__file__).parents[1]


@pytest.mark.parametrize("folder", ["bench", "datamodules", "tests", "docs/site"])
def test_no_file_is_longer_than_300_lines(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}


def test_few_files_lie_at_the_top():
    """Everything else has a room."""
    assert len(list((ROOT / "bench").glob("*.py"))) <= 8
