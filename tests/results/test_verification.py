"""What a reader is told of where a row comes from: a check counts for the rows that were there when it was made."""

import json
from pathlib import Path

import pytest

from bench.results import verification
from bench.results.verification import CLAIMED, ELSEWHERE, HERE, REFUTED, add_check, arrived, joined, mark, read, write

EARLY, LATE = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
ORIGIN = {"at": EARLY, "file": "entry.zip", "sha256": "0"}


def check(at: str = LATE, agreed: bool = True) -> dict[str, object]:
    return {"at": at, "victims": [0, 3], "agreed": agreed, "tolerance": "5 %", "difference": "0"}


def test_the_marks_of_a_cell_from_its_computation_to_its_verification(tmp_path: Path) -> None:
    assert mark(tmp_path) == ""
    write(tmp_path, arrived(read(tmp_path), ORIGIN))
    assert mark(tmp_path) == CLAIMED
    add_check(tmp_path, check())
    assert mark(tmp_path) == HERE
    add_check(tmp_path, check(agreed=False))
    assert mark(tmp_path) == REFUTED
    write(tmp_path, joined(read(tmp_path), {"imported": [{**ORIGIN, "at": "2026-01-03"}], "checks": []}))
    assert mark(tmp_path) == CLAIMED  # rows came after the check


def test_a_check_of_the_sender_is_one_made_elsewhere_whatever_the_entry_says(tmp_path: Path) -> None:
    add_check(tmp_path, check())
    assert mark(tmp_path) == HERE
    write(tmp_path, arrived(read(tmp_path), ORIGIN))
    assert mark(tmp_path) == ELSEWHERE
    add_check(tmp_path, check(agreed=False))
    assert mark(tmp_path) == REFUTED


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"checks": []}', '{"imported": [{}], "checks": []}', '{"imported": [], "checks": [{"agreed": true}]}'],
)
def test_a_foreign_record_confirms_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / verification.NAME).write_text(text)
    assert mark(tmp_path) == CLAIMED
    with pytest.raises(ValueError, match=r"verified\.json"):
        read(tmp_path)


def test_an_empty_record_is_not_written_and_a_join_names_each_entry_once(tmp_path: Path) -> None:
    write(tmp_path, {"imported": [], "checks": []})
    assert list(tmp_path.iterdir()) == []
    add_check(tmp_path, check())
    once = read(tmp_path)
    assert joined(once, once) == once and json.loads((tmp_path / verification.NAME).read_text()) == once
