"""A browser tab for tests of the page, and the page of a results folder as a file."""

from pathlib import Path
from typing import Any

from bench.report.html.data import collect
from bench.report.html.render import render
from bench.report.html.tradeoff import tradeoffs
from bench.report.leaderboard import leaderboard
from bench.results import query, store
from bench.results.join import boards
from bench.results.stored_training import StoredTraining


def write_page(root: Path, file: Path, pictures: bool = True) -> Path:
    """The page of a results folder, without the other files of a report."""
    board = leaderboard(query.cells(root))
    trainings, _ = store.cells(root, StoredTraining)
    compared = boards([row.cell for row in board.rows], trainings)
    file.write_text(render(collect(board, root, pictures), tradeoffs(compared)), encoding="utf-8")
    return file


class Tab:
    """A tab that counts what must not happen: errors on the console, exceptions, requests."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(accept_downloads=True, reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda asked: (self.errors.append(asked.message), asked.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, file: Path, hash_: str = "") -> Any:
        """Opens a page of the disk, and waits until its script has run."""
        self.page.goto(f"{file.as_uri()}{hash_}")
        self.page.wait_for_selector("html[data-ready]")
        return self.page

    def close(self, file: Path) -> None:
        """Nothing went wrong, and nothing but the file was asked for."""
        strangers = {url for url in self.requests if not url.startswith(("data:", "blob:"))} - {file.as_uri()}
        strangers = {url for url in strangers if url.partition("#")[0] != file.as_uri()}
        self.context.close()
        assert not self.errors and not strangers, (self.errors, strangers)
