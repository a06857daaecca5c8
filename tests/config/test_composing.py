"""Protects: Hydra is called as a library, so that a program around leakbench finds its own Hydra and warnings again."""

import random
import warnings
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from bench.config import composing
from bench.config.cell_names import option_names
from bench.config.composing import apart, cache_folder, composed_by_hydra, silent


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"LEAKBENCH_CACHE": "~/elsewhere"}, "elsewhere"),
        ({"LEAKBENCH_CACHE": "~/elsewhere", "XDG_CACHE_HOME": "{home}/xdg"}, "elsewhere"),
        ({"XDG_CACHE_HOME": "{home}/xdg"}, "xdg/leakbench"),
        ({"LEAKBENCH_CACHE": "", "XDG_CACHE_HOME": ""}, ".cache/leakbench"),
        ({}, ".cache/leakbench"),
    ],
)
def test_the_cache_follows_the_environment(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LEAKBENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    assert cache_folder() == str(tmp_path / folder)
    paths = composed_by_hydra([], None).paths
    assert [Path(paths.data), Path(paths.weights)] == [tmp_path / folder / "data", tmp_path / folder / "weights"]


def test_a_relative_cache_is_that_of_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A later change of the working folder must not move it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEAKBENCH_CACHE", "cache")
    assert cache_folder() == str(tmp_path / "cache")


def test_a_hydra_application_around_us_is_left_as_it_was(tmp_path: Path) -> None:
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        theirs = GlobalHydra.instance().hydra
        composed_by_hydra([], None)
        assert GlobalHydra.instance().hydra is theirs
        with pytest.raises(ZeroDivisionError), apart():
            _ = 1 / 0
        assert GlobalHydra.instance().hydra is theirs
    assert not GlobalHydra.instance().is_initialized()


def test_warnings_are_hidden_inside_and_shown_again_after(recwarn: pytest.WarningsRecorder) -> None:
    with silent():
        warnings.warn("Hydra's", stacklevel=1)
    assert len(recwarn) == 0
    warnings.warn("theirs", stacklevel=1)
    assert [str(one.message) for one in recwarn] == ["theirs"]


def test_options_of_the_users_own_come_after_ours(tmp_path: Path) -> None:
    """A folder may have any name that a file system takes."""
    folder = tmp_path / "my options, (new)"
    (folder / "attack").mkdir(parents=True)
    (folder / "attack" / "mine.yaml").write_text("# mine\ndefaults: [dlg, _self_]\nlr: 0.25\n")
    cfg = composed_by_hydra(["attack=mine"], folder)
    assert cfg.attack.lr == 0.25 and cfg.attack._target_ == composed_by_hydra(["attack=dlg"], None).attack._target_


def test_the_settings_of_hydras_own_program_are_not_read() -> None:
    """Where Hydra's program writes and how it logs has no effect on a call of the library, and costs time."""
    choices = composed_by_hydra([], None).hydra.runtime.choices
    assert not [group for group, name in choices.items() if group.startswith("hydra/") and name is not None]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["attack=idlg", "attack.lr=0.5", "data=samples", "data.set=cifar10", "seed=3", "results=a b"],
        ["attack.step={lr: 0.5}", "attack.step.lr=0.25", "attack.stop.change=null", "defense=stack"],
        ["model=resnet20", "model.strides=[1,2,4]", "defense.parts=[clip,{sign: {}}]", "defense=clip_noise"],
        ["data.root=${paths.data}/x", "metric=mse", "metric.name=null", "~defense", "+attack.more=1"],
        ["training=held_out", "training.epochs=3", "training=null"],
        ["~metric.lpips_vgg", "attack.lr=2"],
        ["attack={lr: 2}"],
        ["attack.lrr=1"],
        ["training.epochs=1"],
        ["attack=idgl", "attack.lr=1"],
        ["attack=idlg", "model=lennet"],
        ["attack=idlg", "attack=dlg", "model=mlp"],
        ["model=bert_tiny", "data=sentences", "attack=tag"],
        ["labels=yin", "attack=dlg", "measure=labels"],
        ["training=held_out", "model=convnet16"],
        ["model=null", "attack=dlg"],
        ["attack.lr"],
    ],
    ids=str,
)
def test_choices_and_then_values_are_what_hydra_composes_at_once(
    overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the overrides do, the same config or the same sentence comes of them, the first time and again."""
    monkeypatch.setattr(composing, "_SEVERAL", 0)

    def outcome(compose) -> object:
        try:
            cfg = compose(overrides, None)
        except Exception as error:
            return type(error), str(error)
        return cfg.hydra.runtime.choices, {k: v for k, v in OmegaConf.to_container(cfg).items() if k != "hydra"}

    assert outcome(composing._composed) == outcome(composed_by_hydra) == outcome(composed_by_hydra)


GROUPS = ("attack", "model", "defense", "threat", "metric", "data", "engine", "trainer", "scale", "labels")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 30))])
def test_an_option_means_the_same_beside_any_other(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most options change their own node alone, and of those a combination is put together without Hydra."""
    monkeypatch.setattr(composing, "_SEVERAL", 0)
    known, draw = option_names(None), random.Random(seed)
    chosen = [f"{group}={draw.choice(known[group])}" for group in draw.sample(GROUPS, 4)]
    ours, hydras = composed_by_hydra(chosen, None), composing._composed(chosen, None)
    assert ours.hydra.runtime.choices == hydras.hydra.runtime.choices
    assert list(ours) == list(hydras)
    assert OmegaConf.is_struct(ours) == OmegaConf.is_struct(hydras)
    for key in ours:
        if key != "hydra":
            assert OmegaConf.to_yaml(OmegaConf.create({key: ours._get_node(key)})) == OmegaConf.to_yaml(
                OmegaConf.create({key: hydras._get_node(key)})
            )


@pytest.mark.parametrize("several", [0, 6])
def test_a_single_run_is_composed_once_and_a_suite_of_many_option_by_option(
    several: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed: list[list[str]] = []
    real = composing._composed
    monkeypatch.setattr(composing, "_composed", lambda given, folder: composed.append(given) or real(given, folder))
    composing._of_choices.cache_clear()
    composing._own_node.cache_clear()
    for defense in ("sign", "clip", "dgc", "int8", "none", "float16")[:several]:
        composed_by_hydra([f"defense={defense}", "model=mlp"], None)
    composed.clear()
    composed_by_hydra(["attack=tag", "model=cnn6", "threat=adaptive"], None)
    alone = [[], ["attack=tag"], ["model=cnn6"], ["threat=adaptive"]]
    assert sorted(composed) == (alone if several else [["attack=tag", "model=cnn6", "threat=adaptive"]])


def test_options_that_choose_others_too_are_composed_by_hydra() -> None:
    alone = {choice: composing._own_node(choice) for choice in ("attack=tag", "data=sentences", "labels=yin")}
    assert {choice for choice, own in alone.items() if own is not None} == {"attack=tag"}


def test_a_config_is_the_callers_own() -> None:
    first = composed_by_hydra(["attack=idlg"], None)
    OmegaConf.update(first, "attack.lr", 77.0)
    assert composed_by_hydra(["attack=idlg"], None).attack.lr != 77.0


@pytest.mark.slow
def test_a_file_of_the_projects_is_read_once_and_one_of_the_users_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading takes a third of the time of composing; a user's file may change between two cells of one process."""
    (tmp_path / "attack").mkdir()
    file = tmp_path / "attack" / "mine.yaml"
    monkeypatch.setattr(composing, "_FILES", {})
    known = composing._composed([], None)
    read = []
    load = OmegaConf.load
    monkeypatch.setattr(OmegaConf, "load", lambda given: read.append(Path(given.name)) or load(given))
    assert composing._composed([], None) == known and not read
    composing._composed(["attack=tag"], None)
    assert [path.name for path in read if path.parent.name == "attack"].count("tag.yaml") == 1
    read.clear()
    for lr in (0.5, 0.25):
        file.write_text(f"# mine\ndefaults: [dlg, _self_]\nlr: {lr}\n")
        assert composing._composed(["attack=mine"], tmp_path).attack.lr == lr
    assert read.count(file) == 2
