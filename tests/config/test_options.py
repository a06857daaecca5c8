"""What there is: found by walking the folders, described by first lines, named by file names."""

import pytest

from bench.config import options
from bench.errors import UserError


@pytest.mark.parametrize(
    ("word", "group"),
    [
        ("attacks", "attack"),
        ("attack", "attack"),
        ("data", "data"),
        ("datasets", "data"),
        ("defences", "defense"),
        ("Models", "model"),
        ("suites", "suite"),
        ("metrics", "metric"),
        ("threats", "threat"),
    ],
)
def test_singular_plural_and_british_words_name_the_group(word, group):
    assert options.group_named(word) == group


def test_an_unknown_word_is_told_what_there_is():
    with pytest.raises(
        UserError, match=r"nothing called 'atacks' to list; did you mean 'attacks'\? \(there are attacks, data,"
    ):
        options.group_named("atacks")


def test_files_are_options_and_shared_parts_are_not():
    names = list(options.entries("attack"))
    files = {path.stem for path in (options.config_root() / "attack").glob("*.yaml")}
    assert set(names) == {name for name in files if not name.startswith("_")} and names == sorted(names)
    assert {"dlg", "idlg", "noise", "mean"} <= set(names)


def test_a_users_folder_adds_options_and_groups_and_may_not_shadow(tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_text("# @package _global_\n#\n#   my own attack\n# more\n_target_: a.B\n")
    (tmp_path / "attack" / "silent.yaml").write_text("_target_: a.B\n# not a description\n")
    found = options.entries("attack", tmp_path)
    assert found["mine"].description == "my own attack" and found["silent"].description == ""
    assert "dlg" in found
    (tmp_path / "attack" / "dlg.yaml").write_text("# theirs\n")
    with pytest.raises(UserError, match=f"{tmp_path}/attack/dlg.yaml: leakbench has attack 'dlg' already"):
        options.entries("attack", tmp_path)


def test_a_folder_that_is_none_and_a_file_that_is_no_text(tmp_path):
    with pytest.raises(UserError, match=r"--config-dir .*nowhere: no such folder"):
        options.groups(tmp_path / "nowhere")
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_bytes(b"\xff\xfe# x")
    with pytest.raises(UserError, match=r"mine\.yaml: cannot be read"):
        options.entries("attack", tmp_path)


def test_a_folder_of_suites_alone_adds_nothing_that_hydra_composes(tmp_path):
    for group in ("suite", "table"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "mine.yaml").write_text("# mine\n")
    assert options.composed_dir(None) is None and options.composed_dir(tmp_path) is None
    (tmp_path / "hydra" / "launcher").mkdir(parents=True)
    (tmp_path / "hydra" / "launcher" / "own.yaml").write_text("# of a group within a group\n")
    assert options.composed_dir(tmp_path) == tmp_path
    with pytest.raises(UserError, match="no such folder"):
        options.composed_dir(tmp_path / "none")
