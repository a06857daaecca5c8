"""An upload is checked before it begins, ends within seconds without W&B, and says what it did with each run."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import page_cells
import pytest
import told_cells
from page_cells import Kind
from refusing_server import Refusing, refusing_server

from bench.errors import UserError
from bench.results import query
from bench.running import telling
from bench.sharing.sync import PRIVATE, Destination, Synced, require_server, sync

KEY = "a" * 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    """A server that knows no key, as the W&B of this process."""
    with refusing_server() as found:
        monkeypatch.setenv("WANDB_BASE_URL", found.address)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield found


def synced(root: Path, *, upload: bool, pictures: bool = True) -> tuple[Synced, list[tuple[str, str]]]:
    notices: list[tuple[str, str]] = []
    found = sync(
        root,
        pictures=pictures,
        upload=upload,
        to=Destination(),
        notice=lambda name, state: notices.append((name, state)),
    )
    return found, notices


@pytest.mark.slow
def test_runs_are_only_compared_without_a_key_and_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    root = told_cells.copied(tmp_path / "r", board=False)
    (cell,) = (cell for cell in query.cells(root).cells if "text" in cell.slug)
    (cell.folder / telling.NAME).touch()
    page_cells.add(root, Kind("idlg", "mnist"), 1, victims=4, shown=2)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    found, _ = synced(root, upload=False)
    states = {name.split("-")[1]: state for name, state in found.states.items()}
    assert states["dlg_text"].startswith("is not finished")
    assert states["idlg"] == "it has 3 of 4 rows; sync tells it again"
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*")}, "a comparison has written something"


@pytest.mark.slow
def test_a_server_that_knows_no_key_is_one_reason_per_run(server, tmp_path: Path) -> None:
    """W&B's own exit code says nothing; what it notes as uploaded does."""
    root = told_cells.told(tmp_path / "old")
    root = root.rename(tmp_path / "new")
    found, notices = synced(root, upload=True)
    assert all("is missing or cut off; told again (" in state for state in found.states.values())
    assert ("", PRIVATE) in notices
    assert len(found.failed) == 3 and all("no such key" in failure for failure in found.failed), found.failed
    assert "/graphql" in server.asked
    assert len(told_cells.files(root)) == 6 and not list(root.rglob("*.synced"))


@pytest.mark.slow
def test_without_pictures_nothing_is_said_of_private_data_and_nothing_stays_behind(server, tmp_path: Path) -> None:
    root = told_cells.copied(tmp_path / "r", board=False)
    before = told_cells.files(root)
    found, notices = synced(root, upload=True, pictures=False)
    assert all("told again without pictures" in state for state in found.states.values())
    assert ("", PRIVATE) not in notices and told_cells.files(root) == before


def test_without_a_key_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(UserError, match="needs a key"):
        require_server()


def test_a_server_that_is_not_there_is_one_line_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound, and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        started = time.monotonic()
        with pytest.raises(UserError, match="cannot be reached") as caught:
            require_server()
    assert time.monotonic() - started < 8 and "\n" not in str(caught.value)
    assert os.environ["WANDB_BASE_URL"] in str(caught.value)
