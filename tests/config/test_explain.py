"""What is said of an option without running it: its settings, and the comments beside them.

tests/contracts/test_configs.py compares the settings of every option with those that Hydra composes.
"""

import sys
from pathlib import Path

import pytest

from bench.config import options
from bench.config.explain import explain, find, unknown
from bench.errors import UserError


def test_what_is_known_of_dlg() -> None:
    found = explain(options.entries("attack")["dlg"])
    assert found.paper.endswith("https://arxiv.org/abs/1906.08935") and "Zhu, Liu, Han 2019" in found.paper
    assert (
        found.does == "Optimises images and labels together until their gradient equals the shared one (algorithm 1)."
    )
    assert found.version == 3 and found.target == "bench.attacks.dlg.DLG"
    settings = {setting.key: setting for setting in found.settings}
    assert settings["attack.lr"].value == 1.0
    assert settings["attack.lr"].comment == "length of the first trial step along a direction"
    # a comment that goes on in the next line is read to its end
    assert settings["attack.variables"].comment.endswith(
        "or their pixels: {_target_: bench.engine.parametrisation.Pixels}"
    )


def test_data_say_their_source_and_what_they_bring_along() -> None:
    found = explain(options.entries("data")["cola"])
    assert any(note.startswith("licence:") for note in found.notes)
    assert found.chooses == {"attack": "dlg_text", "model": "bert_tiny", "metric": "text"}


def test_every_attack_model_and_defence_is_described() -> None:
    for group in ("attack", "model", "defense", "data"):
        for option in options.entries(group).values():
            found = explain(option)
            assert found.description and (found.does or found.target is None), option


@pytest.mark.parametrize(
    ("word", "group"), [("idlg", "attack"), ("attack=noise", "attack"), ("metrics=bag_of_words", "metric")]
)
def test_a_name_is_found_in_its_group(word: str, group: str) -> None:
    found = find(word)
    assert found is not None and found.path.parent.name == group


def test_a_name_in_several_groups_is_asked_for_by_group() -> None:
    with pytest.raises(UserError, match="leakbench list attack=bag_of_words or leakbench list metric=bag_of_words"):
        find("bag_of_words")


@pytest.mark.parametrize(
    ("word", "says"), [("attack=idgl", "did you mean 'idlg'"), ("atack=idlg", "did you mean 'attacks'")]
)
def test_a_typo_in_group_or_name_is_refused(word: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        find(word)
    assert find("idgl") is None and "did you mean 'idlg'" in str(unknown("idgl"))


def test_an_option_of_the_users_own_is_explained_from_its_source(tmp_path: Path, monkeypatch) -> None:
    """The class is read and not run: a file that fails when it is imported is explained all the same."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "attack").mkdir(parents=True)
    (tmp_path / "mine.py").write_text('"""Mine (Me 2026)."""\n\nraise SystemExit\n\nclass Mine:\n    """Guesses."""\n')
    (tmp_path / "configs" / "attack" / "mine.yaml").write_text("# guesses\n_target_: mine.Mine\ndepth: 3 # how deep\n")
    option = find("mine", tmp_path / "configs")
    assert option is not None
    found = explain(option)
    assert (found.does, found.paper, found.version) == ("Guesses.", "Mine (Me 2026).", None)
    assert [(s.key, s.value, s.comment) for s in found.settings] == [("attack.depth", 3, "how deep")]
    assert "mine" not in sys.modules


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "broken.yaml").write_text("# broken\na: [1\nb: 2\n")
    option = find("broken", tmp_path)
    assert option is not None
    with pytest.raises(UserError, match=r"broken.yaml:\d: not valid YAML"):
        explain(option)
