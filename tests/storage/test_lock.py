"""One at a time works on a cell, on one machine and, by the heartbeat, on several; nobody waits for the dead."""

import errno
import json
import os
import platform
import threading
import time
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.storage import lock


def record(folder: Path, host: str, age: float) -> None:
    path = folder / lock.NAME
    path.write_text(json.dumps({"host": host, "pid": 7, "since": 1}))
    os.utime(path, (time.time() - age, time.time() - age))


def test_the_holder_is_named_while_it_holds_and_nobody_afterwards(tmp_path: Path) -> None:
    assert lock.holder(tmp_path) is None
    before = time.time_ns()
    with lock.locked(tmp_path, pytest.fail):
        found = lock.holder(tmp_path)
        assert found is not None and (found.host, found.pid) == (platform.node(), os.getpid())
        assert before <= found.since <= time.time_ns()
    assert lock.holder(tmp_path) is None
    with lock.locked(tmp_path, pytest.fail):
        pass


def test_the_second_waits_and_says_so_once(tmp_path: Path) -> None:
    held, release, order, said = threading.Event(), threading.Event(), [], []

    def first() -> None:
        with lock.locked(tmp_path, pytest.fail):
            held.set()
            release.wait(30)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(30)

    def notice(sentence: str) -> None:
        said.append(sentence)
        threading.Timer(0.5, release.set).start()  # after more than one look

    with lock.locked(tmp_path, notice):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    who = f"process {os.getpid()} on {platform.node()}"
    assert said == [f"{who} is at work on {tmp_path.name}; waiting until it has finished"]


def test_a_record_of_this_machine_without_a_lock_is_of_a_dead_process(tmp_path: Path) -> None:
    record(tmp_path, platform.node(), age=0)
    assert lock.holder(tmp_path) is None
    with lock.locked(tmp_path, pytest.fail):
        pass


def test_a_holder_elsewhere_lives_as_long_as_its_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """flock does not reach to another machine: the record and its age are all there is."""
    record(tmp_path, "elsewhere", age=lock.STALE + 1)
    assert lock.holder(tmp_path) is None
    with lock.locked(tmp_path, pytest.fail):
        pass
    record(tmp_path, "elsewhere", age=1)
    found = lock.holder(tmp_path)
    assert found is not None and found.host == "elsewhere"
    monkeypatch.setattr(lock, "STALE", 2.0)
    said: list[str] = []
    began = time.monotonic()
    with lock.locked(tmp_path, said.append):
        assert time.monotonic() - began > 0.5
    assert len(said) == 1 and "process 7 on elsewhere" in said[0]


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.05)
    with lock.locked(tmp_path, pytest.fail):
        os.utime(tmp_path / lock.NAME, (0, 0))
        deadline = time.monotonic() + 10
        while (tmp_path / lock.NAME).stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"), lock.locked(tmp_path / "gone", pytest.fail):
        pass


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


@pytest.mark.parametrize("lay", [link, lambda path, target: os.link(target, path), None], ids=["link", "hard", "file"])
def test_what_is_not_ours_in_the_place_of_the_lock_is_left_as_it_is(tmp_path: Path, lay) -> None:
    """A link would have emptied its target, here somebody's file beside the results."""
    folder, target = tmp_path / "cell", tmp_path / "thesis.tex"
    folder.mkdir()
    target.write_text("years of work")
    if lay:
        lay(folder / lock.NAME, target)
    else:
        (folder / lock.NAME).write_text("years of work")
    with pytest.raises(UserError, match="move it away"), lock.locked(folder, pytest.fail):
        pass
    assert lock.holder(folder) is None
    assert target.read_text() == "years of work" == (folder / lock.NAME).read_text()


def test_a_pipe_in_the_place_of_the_lock_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / lock.NAME)
    assert lock.holder(tmp_path) is None
    with pytest.raises(UserError, match="move it away"), lock.locked(tmp_path, pytest.fail):
        pass


@pytest.mark.parametrize("record", ["[1]", "{}", '{"host": "elsewhere", "pid": "x", "since": null}', "[" * 5000])
def test_a_record_of_another_form_names_nobody(tmp_path: Path, record: str) -> None:
    (tmp_path / lock.NAME).write_text(record)
    assert lock.holder(tmp_path) is None


def test_a_second_user_of_the_folder_may_lock_where_the_mask_allows_it(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with lock.locked(tmp_path, pytest.fail):
            assert (tmp_path / lock.NAME).stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system without locks answers; there is none to run on."""

    def refuse(handle: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)


def test_without_flock_one_of_many_holds_at_a_time(tmp_path: Path, no_flock: None) -> None:
    """Four threads, each with handles of its own, count up together; none may come between another's two steps."""
    count, inside = [0], []

    def work() -> None:
        for _ in range(3):
            with lock.locked(tmp_path, lambda sentence: None):
                inside.append(1)
                assert len(inside) == 1
                seen = count[0]
                time.sleep(0.002)
                count[0] = seen + 1
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert count == [12]
    assert {path.name for path in tmp_path.iterdir()} == {lock.NAME}


def test_without_flock_a_dead_holder_is_followed(tmp_path: Path, no_flock: None) -> None:
    record(tmp_path, "elsewhere", age=lock.STALE + 1)
    (tmp_path / lock.CLAIM).touch()
    os.utime(tmp_path / lock.CLAIM, (time.time() - lock.STALE - 1,) * 2)
    with lock.locked(tmp_path, pytest.fail):
        assert (tmp_path / lock.CLAIM).exists()
    assert {path.name for path in tmp_path.iterdir()} == {lock.NAME}
