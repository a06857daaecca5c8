"""`leakbench speed` refuses a mistake in one line; what it measures is tested in tests/speed/test_compare.py."""

import pytest

from bench.cli.main import main


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["attack=idgl"], "did you mean 'idlg'?"),
        (["--victims", "0"], "is not a whole number of at least 1"),
        (["--secnds", "1"], "no option '--secnds'; did you mean '--seconds'?"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str, capfd) -> None:
    assert main(["speed", *words]) == 2
    out, err = capfd.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
