"""What commands print: no control character reaches the terminal, and one of several processes speaks."""

import pytest

from bench.cli import output


def test_nothing_that_is_printed_controls_the_terminal(capsys: pytest.CaptureFixture) -> None:
    output.show("one\x1b[2J\ntwo")
    output.say("a\x07\nb")
    out, err = capsys.readouterr()
    assert out == "one\\x1b[2J\ntwo\n" and err == "leakbench: a\\x07 b\n"


def test_of_several_processes_the_first_one_speaks(monkeypatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    output.show("unheard")
    assert not output.speaks() and capsys.readouterr().out == ""
    monkeypatch.setenv("LOCAL_RANK", "0")
    output.show("heard")
    assert output.speaks() and capsys.readouterr().out == "heard\n"
