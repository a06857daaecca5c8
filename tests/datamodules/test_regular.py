"""What is no regular file is named before it is opened: reading it could take for ever."""

import os
import socket
from pathlib import Path

import pytest

from bench.datamodules.regular import check_regular, what_else
from bench.errors import UserError


@pytest.fixture
def places(tmp_path: Path):
    """One of each kind of place, with what it is called."""
    (tmp_path / "file").write_text("words")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "to_file").symlink_to(tmp_path / "file")
    with socket.socket(socket.AF_UNIX) as listener:
        back = os.getcwd()
        os.chdir(tmp_path)  # the path of a socket must be short
        try:
            listener.bind("socket")
        finally:
            os.chdir(back)
        names = {"file": None, "to_file": None, "folder": "a folder", "pipe": "a FIFO", "link": "a FIFO"}
        yield {tmp_path / name: kind for name, kind in {**names, "socket": "a socket"}.items()} | {
            Path("/dev/null"): "a device"
        }


def test_each_kind_is_named_and_a_link_is_what_it_leads_to(places: dict[Path, str | None]) -> None:
    for path, kind in places.items():
        assert what_else(path) == kind, path
        if kind is None:
            check_regular(path)
            continue
        with pytest.raises(UserError) as caught:
            check_regular(path)
        assert str(caught.value) == f"{path}: is {kind}, and only regular files are read; remove it, or name another"


def test_what_is_not_there_is_the_systems_own_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_regular(tmp_path / "gone")
