"""Chromium, driven by Playwright, on pages that lie on the disk."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import page_cells
import pytest
from page_browser import Tab, write_page

FLAGS = ["--no-sandbox", "--disable-background-networking"]


def missing(tool: str) -> None:
    """A missing tool is a failure in CI, and otherwise a reason to skip."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{tool} is missing")
    pytest.skip(f"{tool} is missing")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser of the machine."""
    path = os.environ.get("LEAKBENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright (pip install playwright)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one of each: see `page_cells.everything`."""
    folder = tmp_path_factory.mktemp("page")
    return write_page(page_cells.everything(folder / "results"), folder / "index.html")


@pytest.fixture
def tab(chromium: Any, written: Path) -> Iterator[Callable[..., Any]]:
    """`tab(hash, **options of a browser context)`: the page with everything, opened."""
    tabs: list[Tab] = []

    def opened(hash_: str = "", **options: Any) -> Any:
        tabs.append(Tab(chromium, **options))
        return tabs[-1].open(written, hash_)

    yield opened
    for each in tabs:
        each.close(written)
