"""The log file of a run: what was printed, with times, and nothing of the machine or for the terminal in it."""

import re
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.storage.portable import portable
from bench.terminal import transcript
from bench.terminal.transcript import Transcript

CELL = ["run", "attack=noise", "data.set=mnist", "data.victims=2", "metric=mse", "logger=none"]


@pytest.fixture(autouse=True)
def _ended():
    yield
    transcript.end()


def logs(root: Path) -> list[str]:
    return [path.read_text() for path in sorted((root / "logs").glob("*.log"))]


def test_a_run_leaves_what_it_printed_and_a_run_that_computes_nothing_leaves_nothing(tmp_path: Path, capfd) -> None:
    results = tmp_path / "out"
    assert main([*CELL, f"results={results}"]) == 0
    out = capfd.readouterr().out
    (log,) = logs(results)
    lines = log.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line) for line in lines)
    assert "leakbench run attack=noise" in lines[0] and "results=out" in lines[0]
    assert "attacker sees" in log and "95 % interval" in log and "interval" in out
    assert str(tmp_path) not in log and str(Path.home()) + "/" not in log
    assert all(sign.isprintable() or sign == "\n" for sign in log)
    assert main([*CELL, f"results={results}"]) == 0
    assert len(logs(results)) == 1


def test_a_failure_is_in_the_log_of_a_suite(tmp_path: Path, capfd) -> None:
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "one.yaml").write_text("# one\ngrid: [[attack=idlg]]\noverrides: [logger=none, metric=mse]\n")
    words = ["suite", "one", "--config-dir", str(tmp_path), f"results={tmp_path / 'out'}", "data.victims=1"]
    assert main([*words, "data.batch_size=2"]) == 0
    (log,) = logs(tmp_path / "out")
    assert "cell 1 of 1  not applicable  idlg" in log and "needs a batch of one" in log


def test_a_refused_command_leaves_no_folder(tmp_path: Path) -> None:
    assert main(["run", "attack=idgl", f"results={tmp_path / 'out'}"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_no_path_and_no_control_character_is_taken_down(tmp_path: Path) -> None:
    log = Transcript(["run", "data.root=/home/jo/my.png"], portable)
    log.add("a\x1b[2Jb /home/jo/secret/name.pt\nsecond")
    log.keep(tmp_path)
    log.add("third")
    log.close()
    (text,) = logs(tmp_path)
    assert [line.split(" ", 1)[1] for line in text.splitlines()] == [
        "leakbench run data.root=my.png", "a\\x1b[2Jb name.pt", "second", "third"
    ]  # fmt: skip


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "theirs")
    log = Transcript(["run"], portable)
    log.keep(tmp_path)
    log.close()
    assert list((tmp_path / "theirs").iterdir()) == []
