"""Cells as jobs: run for real by submitit on this machine; for SLURM, the script that sbatch is given."""

import json
import re
import stat
import subprocess
import sys

import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.config.instantiate import instantiate

SBATCH = """#!/bin/sh
for word; do script=$word; done
cp "$script" "{folder}/submitted.sh"
echo "Submitted batch job 4242"
"""


@pytest.mark.slow
def test_jobs_of_this_machine_give_the_rows_of_one_process(tmp_path, configs, rows, capfd):
    words = ["suite", "small", "--config-dir", str(configs), "--json", "seed=0"]
    assert main([*words, "executor.workers=1", f"results={tmp_path}/local"]) == 0
    capfd.readouterr()
    more = ["executor=slurm", "executor.cluster=local", "executor.minutes=60"]
    assert main([*words, *more, f"results={tmp_path}/jobs"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert [cell["attack"] for cell in document["cells"]] == ["noise", "idlg (evaluations=9)"]
    assert rows(tmp_path / "jobs") == rows(tmp_path / "local")


def test_log_handlers_of_the_program_outlive_the_import_of_submitit():
    """Its import calls `logging.config.dictConfig`, which closes all of them; absl's closes its stream, too."""
    code = """if True:
        import logging
        from bench.executors.slurm import _submitit
        class Kept(logging.StreamHandler):
            def close(self):
                raise SystemExit("closed")
        handler = Kept()
        _submitit()
        assert handler in [entry() for entry in logging._handlerList]
        logging._handlerList.clear()
    """
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


def test_the_script_that_sbatch_gets(tmp_path, monkeypatch):
    """An array of the cells that want the same machines: how many at once, GPUs, tasks, time, and the warning before it
    is over. `sbatch` is replaced by a script that keeps what it is given: there is no SLURM here.
    """
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("sbatch", SBATCH.format(folder=tmp_path)), ("srun", "#!/bin/sh\n"), ("scancel", "#!/bin/sh\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    base = ["trainer=slurm", "trainer.devices=4", "trainer.num_nodes=2", "logger=none", f"results={tmp_path}/r"]
    slurm = ["executor=slurm", "executor.minutes=90", "executor.partition=gpu", "executor.at_once=3"]
    cells = [compose([*base, *slurm, "executor.memory_gb=16", f"seed={seed}"]) for seed in range(5)]
    executor = instantiate(cells[0].executor, "executor")
    jobs = executor._submit(cells)
    assert [job.job_id for job in jobs] == [f"4242_{index}" for index in range(5)]
    script = (tmp_path / "submitted.sh").read_text()
    found = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", script, re.MULTILINE))
    wanted = {
        "array": "0-4%3",
        "gpus-per-node": "4",
        "ntasks-per-node": "4",
        "nodes": "2",
        "time": "90",
        "signal": "USR2@90",
        "partition": "gpu",
        "mem": "16GB",
        "cpus-per-task": "4",
    }
    assert wanted.items() <= found.items()
    assert "export PYTHONPATH=" in script and "srun" in script


def test_jobs_of_this_machine_are_not_all_started_at_once(tmp_path):
    """On a cluster SLURM sees to it (`at_once`); submitit's local executor starts every job that it is given."""
    base = [f"results={tmp_path}", "logger=none", "executor=slurm", "executor.at_once=2"]
    cells = [compose([*base, "executor.cluster=local"])] * 5
    assert instantiate(cells[0].executor, "executor")._arrays(cells) == [[0, 1], [2, 3], [4]]
    cells = [compose(base)] * 5
    assert instantiate(cells[0].executor, "executor")._arrays(cells) == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["executor.cluster=slrm"], "cluster='slrm': want slurm or local"),
        (["executor.minutes=0"], "minutes=0: must be >= 1"),
        (["executor.requeues=-1"], "requeues=-1"),
        (["executor.cluster=slurm"], "executor=slurm: "),
    ],
)
def test_a_mistake_is_one_line(words, sentence, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))  # without srun
    cells = ["attack=noise", "seed=0,1", "data.victims=1", "data.set=mnist", "logger=none", "metric=mse"]
    assert main(["run", *cells, "executor=slurm", *words, f"results={tmp_path}/out"]) == 2
    err = capfd.readouterr().err
    assert sentence in err.splitlines()[-1] and "Traceback" not in err
