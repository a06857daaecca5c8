"""A preset that is wrong costs one line, which says what there is."""

from pathlib import Path

import pytest

from bench.config import options as catalogue
from bench.errors import UserError
from bench.report.table_options import options


@pytest.mark.parametrize("name", catalogue.entries("table"))
def test_every_preset_is_valid(name: str) -> None:
    assert options(name, {}).columns


def test_the_command_line_changes_a_preset(tmp_path: Path) -> None:
    found = options("default", {"columns": ["attack", "psnr"], "precision": 0, "best": None})
    assert (found.columns, found.precision, found.best) == (["attack", "psnr"], 0, None)


def test_a_preset_of_the_users_own_needs_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "mine.yaml").write_text("# mine\nrows: {attack: dlg, B: [1, 4]}\n")
    found = options("mine", {}, tmp_path)
    assert found.rows == {"attack": ["dlg"], "B": ["1", "4"]}
    assert found.columns == options("default", {}).columns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colums: [attack]", "no key 'colums'; did you mean 'columns'"),
        ("columns: attack", "columns: want a list"),
        ("columns: [attack, attack]", "names a column twice"),
        ("columns: []", "name at least one"),
        ("group: [dta]", "group: no column 'dta'; did you mean 'data'"),
        ("rows: {atack: [x]}", "rows: no column 'atack'; did you mean 'attack'"),
        ("intervals: big", "intervals=big: want one of small, pm, none"),
        ("precision: 99", "want 0 to 12 digits"),
        ("precision: two", "precision: want int or null"),
        ("- a", "want keys and values"),
        ("a: [", "mine.yaml"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "mine.yaml").write_text(f"# mine\n{text}\n")
    with pytest.raises(UserError, match=words) as found:
        options("mine", {}, tmp_path)
    assert "\n" not in str(found.value)


def test_no_such_preset() -> None:
    with pytest.raises(UserError, match=r"no table 'defualt'.*did you mean 'default'"):
        options("defualt", {})
