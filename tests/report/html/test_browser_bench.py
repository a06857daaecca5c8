"""What the page is for: after `make bench`, a stranger opens it and finds which attack wins on CIFAR-10."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from page_browser import Tab

from bench.cli.main import main

pytestmark = pytest.mark.browser
# the suite of `make bench`, with fewer data sets, victims and steps
SMALL = [
    "data.set=mnist,cifar10",
    "data.victims=2",
    "attack.evaluations=30",
    "metric=mse",
    "report.images=2",
    "engine.compile=false",
]
ALONE = ["logger=none", "executor.workers=1"]


def winner(board: Path) -> str:
    """The attack on CIFAR-10 with the highest success rate, and of those the one with the lowest error."""
    with board.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["data"] == "samples-cifar10" and row["control"] == "0"]
    assert len(rows) == 2
    return min(rows, key=lambda row: (-float(row["success_1e-2"]), float(row["mse"])))["attack"]


def test_a_stranger_finds_which_attack_wins_on_cifar10(
    chromium: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suite", "quick", *SMALL, *ALONE, f"results={tmp_path}"]) == 0
    said = re.search(r"(\S+/index\.html) \(leakbench view", capsys.readouterr().out)
    assert said is not None, "the suite does not end with the page's place"
    file, attack = Path(said[1]), winner(tmp_path / "leaderboard.csv")
    tab = Tab(chromium, viewport={"width": 1280, "height": 800})
    page = tab.open(file)
    answer = page.locator(".leaders > div", has=page.locator("dt", has_text=re.compile("^samples-cifar10$")))
    assert answer.locator("dd").inner_text().startswith(f"{attack} gets most back.")
    box = answer.bounding_box()
    assert box and box["y"] + box["height"] < 800, "the answer is below what a screen shows at first"
    rows = page.locator("table.main tbody tr:has(td:text-is('samples-cifar10'))")
    first = [text.split("\n")[0] for text in rows.locator("th").all_inner_texts()]
    assert first[0] == attack and len(first) == 4
    rows.first.locator("a.open").click()
    assert page.inner_text("#cell h2") == f"{attack} on samples-cifar10"
    assert page.locator("#cell .tile img").evaluate_all("images => images.every(image => image.naturalWidth === 32)")
    page.locator("#cell input[type=range]").focus()
    page.keyboard.press("Home")
    assert page.inner_text("output.moment") == "iteration 0"
    page.keyboard.press("Escape")
    assert page.is_hidden("#cell")
    tab.close(file)
