"""What is copied from another cell appears whole or not at all."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.results.gain import contradiction, copied


def test_a_copy_is_written_when_it_is_called_and_leaves_nothing_else(tmp_path: Path) -> None:
    source, place = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"rows")
    write = copied(source, place)
    assert not place.exists()
    write()
    assert place.read_bytes() == b"rows" and sorted(tmp_path.iterdir()) == [source, place]


def test_a_copy_that_fails_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        copied(tmp_path / "absent", tmp_path / "b")()
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_a_contradiction_names_both_folders() -> None:
    assert str(contradiction(Path("a"), Path("b"), "why")) == "a and b contradict each other: why"
