"""Protects: a cell's parts are named after the options as their files are now, those of the user's own included."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bench.config.cell_names import as_written, names, option_names
from bench.config.compose import compose
from bench.config.composing import cache_folder, composed_by_hydra


def cell(overrides: list[str], config_dir: Path | None = None):
    chosen = {"attack": "idlg", "data": "samples", "model": "lenet", "defense": "none", "threat": "basic"}
    chosen |= dict(word.split("=") for word in overrides if "." not in word)
    cfg = composed_by_hydra(overrides, config_dir)
    plain = {group: OmegaConf.to_container(cfg[group], resolve=True) for group in chosen}
    return OmegaConf.create({**plain, "names": {**chosen, "training": None}})


def test_an_option_has_its_name_and_what_was_changed() -> None:
    words = ["attack=dlg", "attack.lr=0.5", "model.activation=relu", "data.victims=3"]
    assert names(cell(words), {}, None) == {
        "attack": "dlg (lr=0.5)",
        "data": "samples",
        "model": "lenet (activation=relu)",
        "defense": "none",
        "threat": "basic",
    }


def test_a_stack_is_named_as_the_user_wrote_it() -> None:
    written = {"parts": [{"clip": {"norm": 2.0}}]}
    found = names(cell(["defense=stack"]), written, None)
    assert found["defense"] == "stack (parts=[clip(norm=2.0)])"


@pytest.mark.slow
def test_a_file_of_the_users_is_read_each_time(tmp_path: Path) -> None:
    """It may change between two cells of one process, and the second cell is named after the new file."""
    (tmp_path / "attack").mkdir()
    file = tmp_path / "attack" / "mine.yaml"
    for lr in (0.5, 0.25):
        file.write_text(f"# mine\ndefaults: [dlg, _self_]\nlr: {lr}\n")
        assert names(cell(["attack=mine"], tmp_path), {}, tmp_path)["attack"] == "mine"
    assert "mine" in option_names(tmp_path)["attack"] and "mine" not in option_names(None)["attack"]


def test_a_node_is_that_of_the_file_and_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path))
    found = as_written((("attack", "dlg"), ("model", "lenet")), None, cache_folder())
    assert set(found) == {"attack", "model"} and found["attack"]["step"]["lr"] == found["attack"]["lr"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["data=cola", "metric=text", "logger=none", "data.tokens=7"],  # it chooses the attack and the model
        ["attack=dlg_int8", "threat=adaptive", "defense=int8", "engine=default", "trainer=cpu", "seed=3"],
        ["defense=stack", "defense.parts=[clip,gaussian]", "model=resnet20", "model.width=8"],
        ["experiment=table1_idlg_mnist", "data.victims=2"],
    ],
    ids=" ".join,
)
def test_names_are_those_of_an_option_that_is_composed_by_itself(
    overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cell was composed of is taken for its options' files where nothing else can have changed them."""
    found = compose(overrides).names
    monkeypatch.setattr("bench.config.compose._plain_choices", lambda *_: None)
    assert found == compose(overrides).names
