"""The command line: codes, streams, speed, and mistakes that cost one line and leave nothing behind."""

import json
import logging
import os
import signal
import subprocess
import sys

import pytest

from bench.cli.main import COMMANDS, main

CELL = ["run", "attack=noise", "data.victims=2", "data.set=mnist", "logger=none"]
SCORES = {"label_accuracy", "mse", "psnr", "ssim", "lpips_alex", "lpips_vgg", "success_rate"}
LABELS = {"attack", "data", "model", "defense", "threat"}
COSTS = {"evaluations_per_victim", "seconds_per_victim"}
KEYS = {"victims", "failures", "results", "reasons"} | SCORES | LABELS | COSTS


@pytest.fixture(autouse=True)
def _loud_again():
    yield
    logging.disable(logging.NOTSET)


def command(*arguments):
    return [sys.executable, "-m", "bench.cli", *arguments]


LIGHT = [
    ["--help"],
    ["--version"],
    ["run", "--help"],
    ["suite", "--help"],
    ["status", "--help"],
    ["report", "--help"],
    ["view", "--help"],
    ["prepare", "--help"],
    ["list", "--help"],
    ["list"],
    ["list", "attacks"],
]


ANSWERS = f"""
import contextlib, io, json, sys, time
import bench.cli.main
seconds = [time.process_time()]
for arguments in {LIGHT}:
    out, began = io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(out):
        try:
            bench.cli.main.main(arguments)
        except SystemExit as end:
            assert not end.code, end.code
    seconds.append(time.process_time() - began)
    heavy = {{"torch", "hydra", "numpy", "pytorch_lightning", "wandb", "duckdb"}} & set(sys.modules)
    assert not heavy and out.getvalue().strip(), (arguments, heavy)
json.dump(seconds, sys.stdout)
"""


def test_help_and_lists_answer_within_a_second_and_without_torch():
    """One after the other in a fresh interpreter, whose start counts for each; of CPU, which no other process takes."""
    done = subprocess.run([sys.executable, "-c", ANSWERS], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    start, *seconds = json.loads(done.stdout)
    assert len(seconds) == len(LIGHT) and start + max(seconds) < 1.0, seconds


def test_list_shows_name_and_first_line(capsys):
    assert main(["list", "attacks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert any(line.startswith("idlg ") and "Zhao" in line for line in lines)


WRONG = {
    "lst": "no command 'lst'; did you mean 'list'? (there are run, train, suite, rescore, status, report, view, audit, "
    "table, compare, show, figure, prepare, list, export, import, merge, verify, sync, "
    "dashboard, speed, completion)",
    "run --jsn": "no option '--jsn'; did you mean '--json'? (leakbench run --help)",
    "run attack=noise --verbos data.victims=2": "did you mean '--verbose'?",
    "--jason": "no option '--jason'",
    "suite": "leakbench suite needs a NAME (leakbench list suites)",
    "suite quik": "no suite 'quik' in configs/suite; did you mean 'quick'?",
    "report a b": "'b' is one word too many",
    "list atacks": "did you mean 'attacks'?",
    "run attack=idgl": "no attack 'idgl' in configs/attack; did you mean 'idlg'?",
    "run attack=dlg attack.lrr=1": "did you mean 'attack.lr'?",
    "run data.victims=0": "data.victims=0: must be >= 1",
    "run data.victims=-1": "data.victims=-1: must be >= 1",
    "run data.batch_size=21 data=samples": "batch",
    "run attack.select=bst": "select",
    "run data=folder data.root=no/such/place": "data.root=no/such/place: does not exist",
    "run attack=idlg data.batch_size=2": "batch of one",
    "run model=custom model.target=no_such_module:Net": "cannot import 'no_such_module'",
    "run --config-dir no/such/place": "--config-dir no/such/place: no such folder",
    "report no/such/place": "no results",
    "status no/such/place": "no/such/place does not exist; name another folder",
    "status .": "is not a results folder: it has no cells",
    "suite quick attack=idlg data=samples attack.lrr=1": "no key 'attack.lrr'",
    "run --config-dir": "expected one argument",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_one_line_code_2_and_nothing_written(line, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = line.split()
    if words[0] in ("run", "suite") and len(words) > 1:
        words += ["logger=none"] if words[-1] != "--config-dir" else []
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("leakbench: ") and err.count("\n") == 1
    assert WRONG[line] in err
    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_written_are_one_line(tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    assert main([*CELL, f"results={tmp_path / 'file'}"]) == 2
    err = capfd.readouterr().err.splitlines()
    assert err[-1].startswith("leakbench: ") and str(tmp_path / "file") in err[-1]


def test_a_cell_as_json_then_its_report(tmp_path, capfd):
    assert main([CELL[0], "--json", *CELL[1:], f"results={tmp_path}"]) == 0
    out, err = capfd.readouterr()
    document = json.loads(out)
    assert set(document) >= KEYS
    assert (document["attack"], document["data"], document["victims"]) == ("noise", "samples-mnist", 2)
    assert set(document["success_rate"]) == {"1e-2", "1e-3", "1e-4"} and document["mse"]["n"] == 2
    assert all(document[key] is not None or key in document["reasons"] for key in KEYS - {"reasons"})
    assert "noise" in err and "not: labels" in err  # the overview

    assert main(["report", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capfd.readouterr().out)
    assert row["mse"] == document["mse"]
    assert main(["report", str(tmp_path)]) == 0
    shown = capfd.readouterr().out
    assert "noise" in shown and str(tmp_path / "leaderboard.md") in shown


def test_options_and_overrides_come_in_any_order(tmp_path, capfd):
    words = ["run", "attack=noise", "--json", "data.victims=1", f"results={tmp_path}", "--verbose", "logger=none"]
    assert main(words) == 0
    assert json.loads(capfd.readouterr().out)["victims"] == 1


def test_with_json_nothing_else_reaches_stdout(monkeypatch, capfd):
    def noisy(arguments):
        print("a library prints")
        os.write(1, b"an extension prints\n")
        subprocess.run(["echo", "a child prints"], check=True)
        return 0, {"a": 1.5}

    monkeypatch.setattr(f"{COMMANDS['run']}.answer", noisy)
    assert main(["run", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out) == {"a": 1.5}
    assert all(f"{who} prints" in err for who in ("a library", "an extension", "a child"))
    print("and afterwards stdout is back")
    assert "is back" in capfd.readouterr().out


def test_a_mistake_with_json_leaves_stdout_empty(capfd):
    assert main(["run", "--json", "attack=idgl"]) == 2
    assert capfd.readouterr().out == ""


def test_a_bug_keeps_its_traceback(monkeypatch):
    def broken(arguments):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(f"{COMMANDS['run']}.answer", broken)
    with pytest.raises(ZeroDivisionError):
        main(["run"])


def test_a_reader_that_goes_away_is_no_error():
    script = f"{' '.join(command('list'))} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("list", "interrupted"),
        ("speed", "interrupted"),
        ("prepare", "interrupted"),
        ("train", "interrupted; finished runs are kept, and the same command goes on from there"),
        ("rescore", "interrupted; finished scores are kept, and the same command goes on from there"),
        ("suite quick", "interrupted; finished victims are kept, and the same command goes on from there"),
    ],
)
def test_an_interrupted_command_promises_only_what_it_keeps(line, says, monkeypatch, capfd):
    def torn(arguments):
        """A library that makes something else of the interrupt."""
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            raise SystemError("returned a result with an exception set") from error

    monkeypatch.setattr(f"{COMMANDS[line.split()[0]]}.answer", torn)
    assert main(line.split()) == 130
    assert capfd.readouterr().err == f"leakbench: {says}\n"
