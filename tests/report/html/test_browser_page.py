"""The page as a whole in a browser: accessible, steady, readable on a phone, quick, and not fooled by names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import page_cells
import pytest
from page_browser import Tab, write_page
from page_cells import HOSTILE, hostile

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
HERE = Path(__file__).parent
# idlg and dlg on CIFAR-10, see `page_cells.everything`
BEST, SECOND = f"{1:016x}", f"{2:016x}"


def test_dark_and_light(tab: Open) -> None:
    for scheme in ("light", "dark"):
        page = tab(color_scheme=scheme)
        paper = "getComputedStyle(document.body).backgroundColor"
        system = page.evaluate(paper)
        page.click("#theme")  # light
        light = page.evaluate(paper)
        page.click("#theme")  # dark
        dark = page.evaluate(paper)
        assert system == (light if scheme == "light" else dark) and light != dark


VIEWS = ["", f"#row={BEST}", f"#row={101:016x}", f"#row={BEST}&with={SECOND}", f"#row={201:016x}", "#board=last"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(tab: Open, view: str, scheme: str) -> None:
    page = tab("" if view == "#board=last" else view, color_scheme=scheme)
    if view == "#board=last":
        page.click(".tabs a:has-text('Defences')")
    # The page's own policy refuses scripts that are added to it; the debugger may run one.
    found = page.evaluate((HERE / "axe" / "axe.min.js").read_text(encoding="utf-8") + "\naxe.run(document)")
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found["violations"]] == []


@pytest.mark.parametrize("view", ["", f"#row={BEST}", f"#row={BEST}&with={SECOND}", f"#row={101:016x}"])
def test_a_phone_scrolls_only_downwards(tab: Open, view: str) -> None:
    page = tab(view, viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True)
    inner = "document.querySelector('dialog').scrollWidth - document.querySelector('dialog').clientWidth"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 and page.evaluate(inner) <= 0
    if view:
        box = page.locator("#cell").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_nothing_moves_while_the_page_opens(tab: Open) -> None:
    page = tab()
    moved = """new Promise(done => { let sum = 0; new PerformanceObserver(list => { for (const one of list.getEntries())
        sum += one.value; }).observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 500); })"""
    assert page.evaluate(moved) < 0.02


def test_hostile_names_stay_text_in_the_browser(chromium: Any, tmp_path: Path) -> None:
    for number, words in enumerate(HOSTILE):
        hostile(tmp_path / "results", number, words)
    file = write_page(tmp_path / "results", tmp_path / "index.html")
    tab = Tab(chromium)
    for number, words in enumerate(HOSTILE):
        page = tab.open(file, f"#row={number:016x}")
        page.reload()
        page.wait_for_selector("html[data-ready]")
        if words.isprintable():
            assert words in page.inner_text("#cell")
    tab.close(file)


def load_time(chromium: Any, file: Path, scripts: bool) -> float:
    """Milliseconds until the page of a file has been loaded and, if scripts may run, drawn."""
    tab = Tab(chromium, java_script_enabled=scripts)
    page = tab.page
    page.goto(file.as_uri())
    page.wait_for_load_state("load")
    ready = "performance.getEntriesByName('ready').map(mark => mark.startTime)"
    loaded = "performance.getEntriesByType('navigation').map(entry => entry.loadEventEnd)"
    times = page.evaluate(loaded) + page.evaluate(ready)
    assert len(times) == (2 if scripts else 1)
    tab.close(file)
    return max(times)


def test_two_hundred_cells_open_within_two_seconds(chromium: Any, tmp_path: Path) -> None:
    """On a slow machine, two seconds become twice the time that the browser needs for the same file without scripts."""
    file = write_page(page_cells.many(tmp_path / "results"), tmp_path / "index.html")
    assert file.stat().st_size < 30_000_000
    times, plain = [], []
    for _ in range(10):  # the best of ten: another process may hold the processor
        times.append(load_time(chromium, file, scripts=True))
        if min(times) < 2000:
            break
        plain.append(load_time(chromium, file, scripts=False))
        if min(times) < 2 * min(plain):
            break
    assert min(times) < max(2000, 2 * min(plain, default=0)), (times, plain)
