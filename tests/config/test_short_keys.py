"""Short keys (`attack.lr`): they turn their parts, they go where no part follows, and they are never silently idle."""

import pytest
from omegaconf import OmegaConf

from bench.config.checker import links
from bench.config.compose import compose
from bench.config.composing import composed_by_hydra
from bench.errors import UserError


@pytest.mark.parametrize(
    ("override", "gone"),
    [
        ("attack.step.lr=0.5", "lr"),
        ("attack.step={lr: 0.5}", "lr"),
        ("attack.direction.history=10", "history"),
    ],
)
def test_a_part_may_be_given_its_value_by_its_own_key(override, gone):
    plain, cfg = compose([]), compose([override])
    assert gone in plain.attack and gone not in cfg.attack
    key, _, value = override.partition("=")
    part, name = key.removeprefix("attack.").split(".") if "{" not in value else ("step", "lr")
    assert cfg.attack[part][name] != plain.attack[part][name]
    assert f"{part}.{name}={cfg.attack[part][name]}" in cfg.names.attack


def test_a_short_key_that_other_parts_follow_stays():
    cfg = compose(["attack.stop.iterations=5"])
    assert (cfg.attack.evaluations, cfg.attack.stop.evaluations, cfg.attack.stop.iterations) == (800, 800, 5)


@pytest.mark.parametrize("option", ["dlg", "dlg_published", "inverting_gradients_smooth", "tag", "lamp"])
def test_every_link_of_an_attack_can_be_cut(option):
    raw = OmegaConf.to_container(composed_by_hydra([f"attack={option}"], None).attack, resolve=False)
    cuts = {key: 7 for key, source in links(raw, "attack").items() if "[" not in key and source.count(".") == 1}
    assert cuts
    cfg = compose([f"attack={option}", *(f"{key}={value}" for key, value in cuts.items())])
    assert {key: OmegaConf.select(cfg, key) for key in cuts} == cuts


def test_a_short_key_without_effect_is_a_mistake():
    with pytest.raises(UserError, match=r"^attack\.lr=0\.3 has no effect"):
        compose(["attack.lr=0.3", "attack.step.lr=0.5"])


def test_a_part_of_ones_own_file_may_have_its_own_value(tmp_path):
    (tmp_path / "attack").mkdir()
    mine = tmp_path / "attack" / "mine.yaml"
    mine.write_text("# mine\ndefaults: [idlg, _self_]\nstep: {lr: 0.5}\n")
    cfg = compose(["attack=mine"], tmp_path)
    assert cfg.attack.step.lr == 0.5 and "lr" not in cfg.attack
    mine.write_text("# mine\ndefaults: [idlg, _self_]\nlr: 2\nstep: {lr: 0.5}\n")
    with pytest.raises(UserError, match=r"attack\.lr=2 has no effect"):
        compose(["attack=mine"], tmp_path)
    mine.write_text("# mine\ndefaults: [idlg, _self_]\nlrr: 2\n")
    with pytest.raises(UserError, match=r"unknown key 'attack\.lrr'; did you mean"):
        compose(["attack=mine"], tmp_path)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("attack.step.lr=abc", "attack.step.lr='abc': want a number"),
        ("attack.lr=abc", "attack.lr='abc': want a number"),
        ("attack.step.lr=-1", "attack.step: lr=-1.0: must be > 0"),
        ("attack.lr=-1", "attack.lr=-1.0: must be > 0"),
        ("attack.step.lrr=1", "no key 'attack.step.lrr'; did you mean 'attack.step.lr'"),
        ("results=${attack.lr}", "results=1.0: want text"),
    ],
)
def test_a_message_names_the_key_that_was_typed(override, sentence):
    with pytest.raises(UserError) as caught:
        compose([override])
    assert str(caught.value).startswith(sentence)
