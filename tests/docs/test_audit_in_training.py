"""The code of docs/audit-in-training.md runs, and the keys that it names are those that are logged."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import torch

PAGE = (Path(__file__).parents[2] / "docs" / "audit-in-training.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def ran(place: int) -> dict[str, Any]:
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    exec(compile(BLOCKS[place], "audit-in-training.md", "exec"), names)  # the page is ours
    return names


@pytest.mark.filterwarnings("ignore")
def test_the_training_is_audited_and_logs_what_the_page_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monitor = ran(0)["monitor"]
    assert monitor.report.leaks and monitor.seconds > 0
    (file,) = tmp_path.rglob("metrics.csv")
    rows = list(csv.DictReader(file.open()))
    keys = {key for row in rows for key, value in row.items() if value}
    absent = {"leak/pictures", "leak/bound", "leak/average_bound"}  # not asked for, and of a step with noise
    named = set(re.findall(r"`(leak/\w+)`", PAGE)) - absent
    assert named <= keys and len([row for row in rows if row["leak/verdict"]]) == 2
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.slow  # five audits, most of which use their budget
def test_the_page_is_written_with_a_line_per_defence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = ran(1)["report"]
    source = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert report.leaks and len(report.defended) == 4
    assert all(one.name in source for one in report.defended) and "This page contains private data" in source
