"""Why a cell failed as a whole is told, also if its record is damaged: a failure is never taken for a success."""

from pathlib import Path

import pytest

from bench.results.failure import Failure, read_failure


def test_a_cell_without_a_record_did_not_fail(tmp_path: Path) -> None:
    assert read_failure(tmp_path) is None and read_failure(tmp_path / "nowhere") is None


def test_the_record_is_the_status_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "failed.json").write_text('{"status": "not_applicable", "reason": "needs labels", "more": 1}')
    assert read_failure(tmp_path) == Failure("not_applicable", "needs labels")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"status": "error"}', '{"status": "error", "reason": 1}', '{"status": [], "reason": ""}'],
)
def test_a_damaged_record_is_a_failure_all_the_same(text: str, tmp_path: Path) -> None:
    (tmp_path / "failed.json").write_text(text)
    assert read_failure(tmp_path) == Failure("error", f"{tmp_path / 'failed.json'} cannot be read")


def test_a_record_that_is_a_folder_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "failed.json").mkdir()
    assert read_failure(tmp_path) == Failure("error", f"{tmp_path / 'failed.json'} cannot be read")
