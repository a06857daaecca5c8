"""Composition: what a cell comes out as, and that every mistake is one line that helps."""

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from bench.config.compose import compose
from bench.errors import UserError


def test_defaults_are_resolved_typed_and_named():
    cfg = compose([])
    assert " ".join(name for name in cfg.names.values() if name) == "dlg samples lenet none basic"
    assert cfg.seed == 0 and type(cfg.seed) is int and cfg.data.seed == 0 and cfg.suite is None
    assert "hydra" not in cfg and not OmegaConf.missing_keys(cfg)
    assert "${" not in OmegaConf.to_yaml(cfg)
    with pytest.raises(ConfigAttributeError):
        cfg.attack.lrr = 1


def test_overrides_reach_the_parts_and_numbers_are_numbers():
    cfg = compose(["attack=idlg", "attack.lr=1", "seed=7", "data.set=mnist", "results='a b'"], suite="quick")
    assert cfg.names.attack == "idlg" and cfg.suite == "quick" and cfg.results == "a b"
    assert cfg.data.seed == 7 and cfg.data.name == "samples-mnist"
    assert cfg.attack.step.lr == 1.0 and type(cfg.attack.step.lr) is float


def test_the_later_of_two_overrides_wins():
    assert compose(["attack=dlg", "seed=1", "attack=idlg", "seed=2"]).names.attack == "idlg"
    assert compose(["seed=1", "seed=2"]).seed == 2


MISTAKES = {
    "attack=idgl": "no attack 'idgl' in configs/attack; did you mean 'idlg'? (leakbench list attacks)",
    "data=cifar": "no data 'cifar' in configs/data; did you mean 'cifar10'? (leakbench list data)",
    "model=lent": "no model 'lent' in configs/model; did you mean 'lenet'?",
    "attack=null": "no attack 'null' in configs/attack",
    "attack=": "attack= has no value; there are april, april_matching, bag_of_words,",
    "attack.lr=": "attack.lr= has no value",
    "atack=dlg": "no group or key 'atack'; did you mean 'attack'?",
    "attack.lrr=1": "no key 'attack.lrr'; did you mean 'attack.lr'?",
    "victims=3": "no key 'victims'; did you mean 'data.victims'?",
    "nothing.like.it=1": "no key 'nothing.like.it' (there are seed,",
    "attack.lr=abc": "attack.lr='abc': want a number",
    "attack.lr='1'": "attack.lr='1': want a number",
    "attack.history=1.5": "attack.history=1.5: want a whole number",
    "data.victims=true": "data.victims=true: want a whole number",
    "data.victims=0": "data.victims=0: must be >= 1",
    "data.victims=-2": "data.victims=-2: must be >= 1",
    "data.batch_size=0": "data.batch_size=0: must be >= 1",
    "seed=x": "seed='x': want a whole number",
    "seed=???": "Missing mandatory value: seed",
    "data=folder": "data.root has no value: say data.root=...",
    "model=custom": "model.target has no value: say model.target=...",
    "attack.objective=3": "attack.objective=3: want a mapping with _target_",
    "attack.objective={a:1}": "no key 'attack.objective.a'; did you mean 'attack.objective.scale'?",
    "+attack.foo=1": "unknown key 'attack.foo'",
    "++attack.step.foo=1": "unknown key 'attack.step.foo'",
    "+attack=idlg": "+attack=idlg: say attack=idlg",
    "attack@other=idlg": "say attack=idlg",
    "~attack": "attack cannot be left out; choose another",
    "~defense": "defense cannot be left out; say defense=none",
    "~attack.objective": "attack.objective is missing: want",
    "attack=dlg,idlg": "names several values",
    "seed=1,2": "names several values",
    "suite=quick": "leakbench suite quick",
    "hydra.run.dir=x": "Hydra's own settings have no effect",
    "metric=[mse,psnr]": "one option of metric, please",
    "idlg": "'idlg' is not an override: want key=value",
    "=1": "has no key",
    "a=b=c": "no key 'a'",
    "attack.start='a": "cannot be read: quote the value",
    "attack.start=(x": "quote the value, 'attack.start=\"(x\"'",
    "results=${oc.env:LEAKBENCH_NO_SUCH_VARIABLE}": "LEAKBENCH_NO_SUCH_VARIABLE",
    "results=${attack.nope}": "attack.nope",
    "trainer.precision=16": "trainer.precision=16: want '32-true'",
    "trainer.devices=0": "trainer.devices=0: must be >= 1",
    "trainer.inference_mode=true": "trainer.inference_mode=true: want",
    "engine.dtype=float16": "engine.dtype='float16': want one of 'float32', 'float64'",
    "engine.chunk=0": "engine.chunk=0: must be >= 1",
    "report.images=-1": "report.images=-1: must be >= 0",
    "attack.lr=-1": "attack.lr=-1.0: must be > 0",
    "attack._target_=bench.attacks.dlg.DGL": "has no class or function 'DGL'; did you mean 'DLG'?",
    "attack._target_=no_such_module.Mine": "cannot import 'no_such_module'",
    "logger=wandbb": "did you mean 'wandb'?",
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_is_one_line_that_says_where_and_what(override, capfd):
    with pytest.raises(UserError) as caught:
        compose([override])
    assert MISTAKES[override] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_several_faults_are_told_at_once():
    with pytest.raises(UserError, match=r"attack\.lr='a'.*seed='b'|seed='b'.*attack\.lr='a'"):
        compose(["attack.lr=a", "seed=b"])


def test_keys_below_an_empty_mapping_are_free():
    cfg = compose(
        ["model=custom", "model.target=torch.nn:Identity", "model.arguments.width=3", "model.arguments.a.b=x"]
    )
    assert cfg.model.arguments == {"width": 3, "a": {"b": "x"}}


def test_a_metric_can_be_left_out_or_stand_alone():
    assert "lpips_alex" not in compose(["~metric.lpips_alex"]).metric
    assert list(compose(["metric=psnr"]).metric) == ["psnr"]


def test_home_is_expanded_where_a_shell_leaves_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    cfg = compose(["data=folder", "data.root=~/my pictures", "results=~/out"])
    assert cfg.data.root == str(tmp_path / "my pictures") and cfg.results == str(tmp_path / "out")


def test_options_of_the_users_own(tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_text("# mine\ndefaults: [idlg, _self_]\nselect: last\n")
    cfg = compose(["attack=mine"], tmp_path)
    assert cfg.names.attack == "mine" and cfg.attack.select == "last"
    with pytest.raises(
        UserError, match=f"no attack 'mien' in configs/attack or {tmp_path}/attack; did you mean 'mine'"
    ):
        compose(["attack=mien"], tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# x\na: [1\nb: 2\n", r"attack/mine\.yaml:3: not valid YAML"),
        ("# x\nlr: 1\n", r"attack=\{\.\.\.\}: want a mapping with _target_"),
        ("# x\n_target_: bench.attacks.dlg.DLG\nversion: 1\n", r"attack\.objective is missing"),
        ("# x\n- 1\n- 2\n", "attack"),
        ("# x\ndefaults: [no_such_base, _self_]\n", "no_such_base"),
        ("", r"attack=\{\.\.\.\}: want a mapping with _target_"),
        ("# x\n_target_: bench.attacks.controls.Noise\ncontrol: maybe\n", "attack.control='maybe': want true or false"),
    ],
)
def test_a_broken_file_of_the_users_is_one_line(text, sentence, tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=sentence) as caught:
        compose(["attack=mine"], tmp_path)
    assert "\n" not in str(caught.value)


NO_NUMBERS = {
    "attack.lr=nan": "attack.lr=nan: want a finite number",
    "attack.lr=1e400": "attack.lr=inf: want a finite number",
    "attack.step.lr=-inf": "attack.step.lr=-inf: want a finite number",
    "attack.objective.scale=inf": "attack.objective.scale=inf: want a finite number",
    "model.init_range=nan": "model.init_range=nan: want a finite number",
    "model.mean=[0.1,nan]": "model.mean[1]=nan: want a finite number",
    "model.mean=[nan]": "model.mean[0]=nan: want a finite number",
    "metric.psnr.cap=nan": "metric.psnr.cap=nan: want a finite number",
    "executor.workers=1" + "0" * 30: "want a whole number of at most 64 bits",
    "seed=1" + "0" * 30: "seed=1000000000000000000000000000000: want a whole number of at most 64 bits",
    "report.images=1" + "0" * 30: "report.images=1000000000000000000000000000000: want a whole number of at most 64",
    "attack.lr=1" + "0" * 400: "want a whole number of at most 64 bits",
    "attack.history=-9223372036854775809": "want a whole number of at most 64 bits",
}


@pytest.mark.parametrize("override", NO_NUMBERS, ids=lambda text: text[:30])
def test_a_number_that_nothing_computes_with_is_refused(override):
    with pytest.raises(UserError) as caught:
        compose([override])
    assert NO_NUMBERS[override] in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "line",
    [
        *("lr: .nan", "step: {lr: .inf}", "views: [-.inf]", "priors: [{a: [1, 1.0e+400]}]"),
        *("foo: .NaN", "history: 1" + "0" * 30),
    ],
)
def test_nor_in_a_file_of_the_users(line, tmp_path):
    (tmp_path / "attack").mkdir()
    text = f"# mine\ndefaults: [idlg, _self_]\n{line}\n"
    (tmp_path / "attack" / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=r"attack\.\S+=\S+: want a (finite|whole) number"):
        compose(["attack=mine"], tmp_path)


def test_nor_in_a_part_of_a_stack():
    with pytest.raises(UserError, match=r"defense\.parts\[0\]\.std=nan: want a finite number"):
        compose(["defense=stack", "defense.parts=[{gaussian: {std: nan}}]"])


def test_free_arguments_of_a_model_of_ones_own_are_finite_too():
    with pytest.raises(UserError, match=r"model\.arguments\.a\[0\]=inf: want a finite number"):
        compose(["model=custom", "model.target=torch.nn:Identity", "model.arguments.a=[inf]"])


def test_a_control_says_so_itself(tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_text("# mine\n_target_: bench.attacks.controls.Noise\n")
    assert compose(["attack=mine"], tmp_path).attack == {
        "_target_": "bench.attacks.controls.Noise",
        "version": 1,
        "control": False,
    }


def test_what_options_say_is_read_once_and_the_users_own_each_time(tmp_path):
    """Ours cannot change while we run. A file of the user's can: a cell is called by what it differs in today."""
    (tmp_path / "attack").mkdir()
    for version in (1, 2):
        own = f"# a\n_target_: bench.attacks.controls.Noise\nversion: {version}\ncontrol: true\n"
        (tmp_path / "attack" / "mine.yaml").write_text(own)
        assert compose(["attack=mine", "data.victims=2"], tmp_path).names.attack == "mine"
    once, twice = (compose(["attack=idlg", "attack.lr=0.5", f"seed={seed}"]).names.attack for seed in (1, 2))
    assert once == twice == "idlg (lr=0.5)"
    assert compose(["attack=idlg", "seed=3"]).names.attack == "idlg"
