"""Mistakes that sources and folders alone can tell are told before torch is imported, which takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from config_nodes import nodes
from omegaconf import OmegaConf

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import import_target, parameters
from bench.config.signatures import hints

EARLY = {
    "suite quikc": "did you mean 'quick'?",
    "run attack=idgl": "did you mean 'idlg'?",
    "run attack.lrr=1": "did you mean 'attack.lr'?",
    "run atack=dlg": "did you mean 'attack'?",
    "run attack.lr=abc": "attack.lr='abc': want a number",
    "run attack.lr=nan": "want a finite number",
    "run attack.history=1.5": "want a whole number",
    "run attack.stop.change=no": "want a number",
    "run data.victims=true": "want a whole number",
    "run data.size=big": "want a whole number or null",
    "run model.width=x": "want a whole number",
    "run model.mode=evil": "want one of 'eval', 'train'; did you mean 'eval'?",
    "run model=resnet20 model.strides=[1,x,1]": "want a whole number",
    "run defense=gaussian defense.std=much": "want a number or null",
    "run threat.labels=3": "want true or false",
    "run metric.psnr.cap=x": "metric.psnr.cap='x': want a number",
    "run engine.chunk=0": "must be >= 1",
    "run engine.dtype=float16": "want one of 'float32', 'float64'",
    "run trainer.devices=[0,0] trainer.accelerator=gpu": "names a GPU twice",
    "run executor.workers=x": "want a whole number or null",
    "run report.images=-1": "must be >= 0",
    "run results=''": "names no folder",
    "run data=mnist paths.data=/no/such/folder": "data 'mnist' is not in /no/such/folder, which does not exist; run: "
    "leakbench prepare mnist",
    "run data=folder data.root=/no/such/folder": "data.root=/no/such/folder: does not exist",
    "run data=folder": "data.root has no value",
    "train data=svhn paths.data=/no/such/folder": "leakbench prepare svhn",
    "train training.epochs=many": "want a whole number",
    "suite quick attack.lr=abc": "want a number",
    "suite quick data=mnist paths.data=/no/such/folder": "leakbench prepare mnist",
    "suite quick executor.workers=x": "want a whole number",
    "status /no/such/folder": "does not exist",
    "list nothing": "nothing called 'nothing'",
    "speed --rounds 0": "not a whole number of at least 1",
    "run --nothing": "no option '--nothing'",
    "rum": "did you mean 'run'?",
}
SCRIPT = """
import contextlib, io, json, sys
from bench.cli.main import main
answers = {}
for command in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = main(command.split())
    answers[command] = [code, said.getvalue(), sorted({"torch", "duckdb"} & set(sys.modules))]
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers():
    """What each command says, all in one fresh interpreter: once something has imported torch, the rest show it."""
    run = subprocess.run([sys.executable, "-c", SCRIPT], input=json.dumps(list(EARLY)), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("command", EARLY)
def test_a_mistake_is_told_without_torch(command, answers):
    code, said, imported = answers[command]
    assert code == 2 and EARLY[command] in said and len(said.splitlines()) == 1
    assert "torch" not in imported


def test_a_hint_read_from_source_is_the_one_that_python_sees():
    """For every constructor that an option names, against `typing.get_type_hints` of the imported one."""
    paths = set()
    for group in options.groups():
        for file in (options.config_root() / group).glob("*.yaml"):
            paths |= {node["_target_"] for _, node in nodes(OmegaConf.to_container(OmegaConf.load(file)))}
    told = 0
    for path in sorted(paths):
        real = parameters(import_target(path, path)).configured
        for name, hint in hints(path).items():
            if name in real:
                assert hint == real[name].annotation, (path, name)
                told += 1
    assert len(paths) > 50 and told > 150  # most of what there is


def test_a_target_of_the_users_own_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("raise RuntimeError('imported')")
    monkeypatch.chdir(tmp_path)
    assert hints("mine.Net") == {} and hints("bench.nothing.Here") == {} and hints("bench.cli.main.NoSuch") == {}
    assert hints(3) == {}


def test_what_fetches_data_does_not_ask_for_them(tmp_path):
    cfg = compose(["data=mnist", f"paths.data={tmp_path}/later"])
    assert cfg.data.root == f"{tmp_path}/later" and not Path(cfg.data.root).exists()
