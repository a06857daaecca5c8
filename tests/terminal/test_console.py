"""Standard streams that are closed, full, or read by nobody: no traceback, no file in their place, an honest exit."""

import json
import os
import signal
import subprocess
import sys

import pytest

from bench.config.compose import compose
from bench.host import signals
from bench.running.trainer import attack_trainer
from bench.terminal.progress import Said

LEAKBENCH = f"{sys.executable} -m bench.cli"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("list >&-", 0, ""),
        ("list --jsn >&-", 2, "no option '--jsn'"),
        ("list <&- >&- 2>&-", 0, ""),
        ("run attack=idgl 2>&-", 2, ""),
        ("run attack=idgl >&- 2>&-", 2, ""),
        ("run attack=idgl 2>/dev/full", 2, ""),
        ("list >/dev/full", 2, "leakbench: cannot write a file: No space left on device"),
        ("status /no/such >&-", 2, "/no/such does not exist"),
    ],
)
def test_a_stream_that_is_closed_or_full(line, code, said):
    run = subprocess.run(f"{LEAKBENCH} {line}", shell=True, capture_output=True, text=True)
    assert run.returncode == code
    assert said in run.stderr and len(run.stderr.splitlines()) == bool(said)
    assert run.stdout == ""  # a sentence of stderr never reaches stdout


def test_a_file_never_gets_the_number_of_a_closed_stream(tmp_path):
    """Whatever is printed later would end up in the middle of it."""
    script = tmp_path / "script.py"
    script.write_text(f"""if True:
        import os
        from bench.terminal.console import opened
        opened()
        kept = open({str(tmp_path / "kept")!r}, "w")
        assert kept.fileno() > 2
        kept.write("rows"); kept.flush()
        print("a table")
        os.write(1, b"a library")
        os.write(2, b"another")
    """)
    subprocess.run(f"{sys.executable} {script} <&- >&- 2>&-", shell=True, check=True)
    assert (tmp_path / "kept").read_text() == "rows"


def test_the_work_goes_on_when_nobody_reads_what_it_says():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        told = Said(file=out, highlight=False)
        told.print("a table\n" * 1_000)
        told.print("and on")
    assert told.quiet


@pytest.mark.slow
@pytest.mark.parametrize("line", ["--json >&-", "2>&1 | true", "2>&-"])
def test_a_cell_is_finished_whoever_listens(line, tmp_path):
    words = "run attack=noise data.set=mnist metric=mse logger=none data.victims=2"
    shell = f"set -o pipefail; {LEAKBENCH} {words} results={tmp_path} {line}"
    run = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert run.returncode == 0 and "Traceback" not in run.stderr
    (folder,) = (tmp_path / "cells").iterdir()
    assert list(folder.glob("parts/victims-*.parquet")) and not (folder / "failed.json").exists()
    assert json.loads((folder / "cell.json").read_text())["facts"]["labels"]["attack"] == "noise"


SRUN = {"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS_PER_NODE": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
JOB = {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "leak", "SLURM_JOB_ID": "7", "SLURM_NODEID": "0"}


@pytest.mark.parametrize(
    ("variables", "external"),
    [
        ({"SLURM_NTASKS": "4"}, False),
        ({**JOB, "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, False),  # a batch script
        ({**JOB, **SRUN}, True),
        ({}, False),
    ],
    ids=["a variable", "a batch script", "srun", "nothing"],
)
def test_the_variables_of_a_job_are_not_those_of_srun(variables, external, monkeypatch):
    """Where nobody has started tasks we start the processes; where srun has, they are SLURM's."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    devices = 1 if external else 2
    trainer = attack_trainer(compose(["trainer=ddp", f"trainer.devices={devices}", "trainer.accelerator=cpu"]))
    if not external:
        assert trainer.world_size == 2
        assert not trainer.strategy.cluster_environment.creates_processes_externally
    else:
        assert trainer.world_size == 1 and type(trainer._accelerator_connector.cluster_environment).__name__ == (
            "SLURMEnvironment"
        )


@pytest.fixture
def a_terminal():
    """SIGHUP as a terminal has it: `nohup`, under which these tests may run, has it ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("a_terminal")
def test_a_terminal_that_is_closed_is_a_request_to_leave():
    def heard():
        with signals.listening(pytest.fail):
            signal.raise_signal(signal.SIGHUP)

    with pytest.raises(signals.Interrupted) as caught:
        heard()
    assert caught.value.code == 143 and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_what_nohup_has_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.listening(pytest.fail):
            signal.raise_signal(signal.SIGHUP)
            signals.check()
    finally:
        signal.signal(signal.SIGHUP, before)
