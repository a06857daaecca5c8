"""Protects: what is free is the least of what machine and group have left, and copies of files count as free."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.host import capacity

MI = 2**20


@pytest.fixture
def system(tmp_path: Path, monkeypatch) -> Path:
    """A machine with 300 MiB left, and a group limited to 1,000 MiB that takes 900, 700 of them copies of files."""
    (tmp_path / "meminfo").write_text("MemTotal: 9999999 kB\nMemAvailable: 307200 kB\n")
    (tmp_path / "memory.max").write_text(f"{1000 * MI}\n")
    (tmp_path / "memory.current").write_text(f"{900 * MI}\n")
    (tmp_path / "memory.stat").write_text(f"anon {200 * MI}\ninactive_file {600 * MI}\nactive_file {100 * MI}\n")
    monkeypatch.setattr(capacity, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(capacity, "_GROUPS", ((tmp_path, "memory.max", "memory.current"),))
    return tmp_path


def test_the_least_of_machine_and_group_is_free(system: Path) -> None:
    assert capacity.free_memory() == 300 * MI
    (system / "memory.max").write_text(f"{450 * MI}\n")
    assert capacity.free_memory() == 250 * MI
    (system / "memory.max").write_text("max\n")
    assert capacity.free_memory() == 300 * MI


def test_what_does_not_fit_is_one_line_and_what_does_is_none(system: Path) -> None:
    capacity.require_memory(300 * MI, "they", "take fewer")
    with pytest.raises(UserError, match=r"^they take 2\.5 GiB of memory at least, and 300 MiB are free; take fewer$"):
        capacity.require_memory(2560 * MI, "they", "take fewer")


def test_this_machine_says_what_is_free() -> None:
    free = capacity.free_memory()
    assert free is not None and 2**20 < free < 2**50
