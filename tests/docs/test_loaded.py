"""A page of the site that loads something from the network is found, and links that a reader follows are let pass."""

import doctest
from pathlib import Path

import loaded
import pytest


@pytest.mark.parametrize(
    ("page", "addresses"),
    [
        ('<script src="https://a.org/b.js"></script>', ["https://a.org/b.js"]),
        ('<link rel="stylesheet" href="//a.org/b.css">', ["//a.org/b.css"]),
        ('<img src="http://a.org/b.png">', ["http://a.org/b.png"]),
        ('<link rel="canonical" href="https://a.org/"><a href="https://a.org">a</a><img src="b.png">', []),
    ],
)
def test_what_is_loaded_is_told_from_what_is_followed(page: str, addresses: list[str]) -> None:
    assert loaded.loaded(page) == addresses


def test_a_folder_fails_by_the_page_that_loads_something(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "a.html").write_text("<p>a</p>")
    assert loaded.main(tmp_path) == 0
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.html").write_text('<script src="https://a.org/b.js"></script>')
    assert loaded.main(tmp_path) == 1
    assert capsys.readouterr().err == "below/b.html loads https://a.org/b.js\n"


def test_the_example_of_the_code_holds() -> None:
    assert doctest.testmod(loaded) == (0, 1)


def test_a_folder_without_pages_fails(tmp_path: Path) -> None:
    assert loaded.main(tmp_path) == 1
