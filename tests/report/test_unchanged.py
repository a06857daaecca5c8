"""Many cells cost little to look at again: each part is read once, and a picture is drawn only where it changed."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.cli import status
from bench.report import page
from bench.results import parts, query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def fill(root: Path, cells: int, victims: int, per_part: int, shown: int = 8) -> None:
    """Cells as a suite leaves them: victims in parts of a few dozen, images of the first."""
    rng = np.random.default_rng(0)
    for number in range(cells):
        labels = {"attack": f"a{number % 10}", "data": f"d{number // 100}", "model": "m", "defense": "none"}
        config = {"seed": 0, "number": number, "data": {"batch_size": 1, "victims": victims}}
        cell = Store(root).cell(
            StoredLeak, f"c{number}", f"{number:016x}", {"labels": labels | {"threat": "B"}, "config": config}
        )
        for start in range(0, victims, per_part):
            add(cell, range(start, min(start + per_part, victims)), rng, shown if start == 0 else 0)


def add(cell: StoredLeak, ids: range, rng: np.random.Generator, shown: int) -> None:
    """One append."""
    common = {"batch_size": 1, "seconds": 0.25, "evaluations": 40, "device": "cpu", "versions": '{"torch": "2.14"}'}
    rows = [{"victim": i, "status": "diverged" if i % 7 == 3 else "converged", **common} for i in ids]
    errors = 10 ** rng.uniform(-6, 0, len(ids))
    samples = [
        {"victim": i, "position": 0, "sample": i, "label": 3, "label_guess": 3, "label_accuracy": 1.0, "mse": float(e)}
        | {"mse_raw": float(e), "psnr": float(-10 * np.log10(e)), "ssim": float(e), "lpips_vgg": float(e)}
        for i, e in zip(ids, errors)
    ]
    images = {name: rng.uniform(size=(shown, 1, 1, 8, 8)) for name in ("truth", "guess")}
    cell.append(rows, samples, {"ids": np.array(ids[:shown]), **images} if shown else None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # nothing here outlives the machine
    fill(tmp_path, cells=4, victims=48, per_part=16, shown=2)
    return tmp_path


def stamps(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (root / "grids").glob("*.png")}


def test_pictures_are_drawn_only_where_a_cell_changed(folder: Path) -> None:
    first = page.write(folder)
    before, contents = stamps(folder), {path: path.read_bytes() for path in first.paths}
    again = page.write(folder)
    assert len(before) == 4 and stamps(folder) == before
    assert again.paths == first.paths and {path: path.read_bytes() for path in again.paths} == contents
    cells = query.cells(folder).cells
    add(cells[1], range(0, 1), np.random.default_rng(5), 1)  # another reconstruction of its first victim
    add(cells[2], range(48, 52), np.random.default_rng(6), 0)  # more victims, none of which is shown
    last = page.write(folder)
    changed = {name for name, stamp in stamps(folder).items() if stamp != before[name]}
    assert changed == {f"{cells[1].folder.name}.png"}
    assert last.summaries[[one["results"] for one in last.summaries].index(str(cells[2].folder))]["victims"] == 52
    fresh = page.write(folder, folder / "elsewhere")  # what was kept is what would be drawn
    for kept, drawn in zip(last.paths[3:], fresh.paths[3:]):
        assert kept.name == drawn.name and kept.read_bytes() == drawn.read_bytes()


@pytest.mark.slow
def test_a_picture_that_is_not_whole_is_drawn_again(folder: Path) -> None:
    page.write(folder)
    drawn = {path: path.read_bytes() for path in sorted((folder / "grids").glob("*.png"))}
    cut, foreign, gone, _ = drawn
    cut.write_bytes(drawn[cut][:-20])
    foreign.write_bytes(b"text")
    gone.unlink()
    page.write(folder)
    assert {path: path.read_bytes() for path in drawn} == drawn


def test_a_report_reads_each_part_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    real = parts._read_table
    monkeypatch.setattr(parts, "_read_table", lambda path, kind: (read.append(path), real(path, kind))[1])
    page.write(folder)
    assert sorted(read) == sorted(folder.glob("cells/*/parts/*.parquet"))


def test_a_status_costs_a_fraction_of_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    fill(tmp_path, cells=4, victims=256, per_part=8, shown=0)
    listing = query.cells(tmp_path).cells

    def seconds(call: Callable[[], object]) -> float:
        began = time.process_time()
        call()
        return time.process_time() - began

    reading = min(seconds(lambda: [query.rows(cell) for cell in listing]) for _ in range(2))
    looking = min(seconds(lambda: status.look(tmp_path)) for _ in range(2))
    assert looking < 0.4 * reading
    assert status.look(tmp_path).count("victims")[0] == 1024


ODD: dict[str, Callable[[StoredLeak], None]] = {
    "a gap": lambda cell: append(cell, (7, 9)),
    "twice": lambda cell: append(cell, (0, 1)),
    "again": lambda cell: append(cell, (4, 5), "out_of_memory"),
    "again and done": lambda cell: [append(cell, (4, 5), word) for word in ("error", "diverged")],  # type: ignore[dict-item]
    "damaged": lambda cell: next(cell.parts.glob("victims-*")).write_bytes(b"PAR1"),  # type: ignore[dict-item]
    "no samples": lambda cell: next(cell.parts.glob("samples-*")).unlink(),
    "foreign": lambda cell: (cell.parts / "notes.txt").write_text("remember"),  # type: ignore[dict-item]
}


def append(cell: StoredLeak, ids: tuple[int, ...], word: str = "budget") -> None:
    """Victims without a reconstruction."""
    cell.append([{"victim": i, "status": word, "batch_size": 1} for i in ids], [])


@pytest.mark.parametrize("name", ODD)
def test_what_footers_cannot_say_is_read(tmp_path: Path, name: str) -> None:
    """The count of a status is that of the victims which the next run leaves alone."""
    labels = dict.fromkeys(("attack", "data", "model", "defense", "threat"), "x")
    facts = {"labels": labels, "config": {"data": {"victims": 20}}}
    cell = Store(tmp_path).cell(StoredLeak, "c", "0" * 16, facts)
    append(cell, (0, 1, 2, 3))
    assert parts.stored(cell.parts) == {0, 1, 2, 3} == cell.done()
    ODD[name](cell)
    (found,) = status.look(tmp_path).cells
    assert found.done == len(cell.done())


@pytest.mark.slow
def test_three_hundred_cells_of_a_thousand_victims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Next to reading every part once: half as much CPU for a status, four times as much for an unchanged report.

    A machine that is shared gives other seconds from minute to minute, so that only their ratios are asked for.
    """
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda handle: None)
        fill(tmp_path, cells=300, victims=1000, per_part=32, shown=1)

    def seconds(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=900)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    read = f"from bench.results import query; [query.rows(cell) for cell in query.cells({str(tmp_path)!r}).cells]"
    seconds("-m", "bench.cli", "report", str(tmp_path))  # draws every picture
    tried = [("-c", read), ("-m", "bench.cli", "status", str(tmp_path)), ("-m", "bench.cli", "report", str(tmp_path))]
    reading, looking, reporting = (min(seen) for seen in zip(*([seconds(*each) for each in tried] for _ in range(2))))
    assert looking < 0.5 * reading, (looking, reading)
    assert reporting < 4 * reading, (reporting, reading)
