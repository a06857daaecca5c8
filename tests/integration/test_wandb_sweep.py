"""docs/wandb-sweep.yaml runs: W&B's own agent makes the command of it and starts leakbench, without a server."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from wandb.wandb_agent import Agent

from bench.config.sweep import swept_keys
from bench.loggers import told_run

FILE = Path(__file__).parents[2] / "docs" / "wandb-sweep.yaml"
QUICK = ["attack.evaluations=5", "data.victims=1", "logger.mode=offline", "data.set=mnist", "metric=mse"]
QUICK += ["engine.compile=false", "engine.threads=1", "executor.workers=1", "trainer=cpu"]


def least(parameter: dict) -> object:
    """A value of a parameter of the sweep."""
    return parameter.get("value", parameter.get("min", (parameter.get("values") or [None])[0]))


def agent(command: list[str]) -> Agent:
    """An agent that has got a sweep; the rest of one is its talk with the server."""
    made = Agent.__new__(Agent)
    made._in_jupyter, made._function, made._forward_signals = False, None, False
    made._sweep_command, made._run_processes = command, {}
    return made


@pytest.mark.slow
def test_the_agent_runs_a_cell_of_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = yaml.safe_load(FILE.read_text())
    chosen = {name: least(parameter) for name, parameter in sweep["parameters"].items()}
    assert None not in chosen.values() and not swept_keys([f"{name}={value}" for name, value in chosen.items()])
    own = {word.partition("=")[0] for word in QUICK}
    command = [word for word in sweep["command"] if word.partition("=")[0] not in own]
    assert len(command) < len(sweep["command"])
    for name, value in (("SWEEP_ID", "s1"), ("RUN_ID", "chosen1"), ("SWEEP_PARAM_PATH", ""), ("DIR", str(tmp_path))):
        monkeypatch.setenv(f"WANDB_{name}", value)  # the agent sets them, and they are put back behind the test
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    running = agent([*command, *QUICK, f"results={tmp_path / 'r'}"])
    args = {name: {"value": value} for name, value in chosen.items()}
    running._command_run({"run_id": "chosen1", "program": sweep["program"], "args": args})
    (process,) = running._run_processes.values()
    assert process._popen.wait(timeout=110) == 0
    (file,) = (tmp_path / "r").glob("wandb/offline-run-*/*.wandb")
    told = told_run.read(file)
    assert told.identity == "chosen1" and told.ended, "the id is the one that the sweep chose"
    config = told.config["attack"]
    assert (config["lr"], config["tv"]) == (chosen["attack.lr"], chosen["attack.tv"]) and config["evaluations"] == 5
    assert sweep["metric"]["name"].startswith("score/") and "score/mse" in told.keys
