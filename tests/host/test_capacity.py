"""What a machine cannot take is refused in one line before anything starts: processes, threads, memory.

Each case asks for a thousand times what any machine has, so the refusal is the real one; `main` runs in this process,
and would have filled the machine.
"""

import os
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.errors import UserError
from bench.executors.remote import Job
from bench.host import capacity
from bench.running.executor import MISTAKE
from bench.running.trainer import attack_trainer

TINY = ["attack=noise", "data.set=mnist", "metric=mse", "logger=none", "trainer.accelerator=cpu", "data.victims=2"]
TOO_MUCH = {
    "trainer.devices=1000": "trainer.devices=1000: 1,000 processes are too many for the",
    "trainer=ddp trainer.devices=1000": "trainer.devices=1000: 1,000 processes are too many for the",
    "trainer.devices=1000000000": "trainer.devices=1000000000: must be <= 65,536",
    "trainer.devices=[0,0] trainer.accelerator=gpu": "trainer.devices=[0,0]: names a GPU twice",
    "trainer.devices=[]": "trainer.devices=[]: want the numbers of GPUs",
    "trainer.devices=[-1]": "trainer.devices=[-1]: want the numbers of GPUs",
    "trainer.devices=[0,1]": "with trainer.accelerator=cpu say how many processes",
    "trainer.devices=-5": "trainer.devices=-5: must be >= 1",
    "trainer.num_nodes=1000": "trainer.num_nodes=1000: nobody has started processes on other machines",
    "trainer.num_nodes=1000000000": "trainer.num_nodes=1000000000: must be <= 65,536",
    "engine.threads=100000": "engine.threads=100000: too many threads",
    "data.victims=10000000000000": "data.victims=10000000000000, data.batch_size=1: the rows of so many",
    "data.batch_size=10000000000": "data.batch_size=10000000000: the rows of so many",
    "data.size=10000000": "images of 10000000x10000000 take",
    "model.width=2000000": "parameters: the gradients of 2 victims take",
    "model.width=100000000000000": "model.width=100000000000000: as many rows of weights",
    "model=resnet20 model.blocks=100000000000000": "model.blocks=100000000000000: as many rows of weights",
}


@pytest.mark.parametrize("words", TOO_MUCH)
def test_what_no_machine_has_is_refused_before_anything_starts(words, tmp_path, capfd, monkeypatch):
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert main(["run", *TINY, *words.split(), f"results={tmp_path}/out"]) == 2
    err = capfd.readouterr().err
    assert TOO_MUCH[words] in err and len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", ["training.runs=10000000000000", "model.width=100000000000000"])
def test_nor_is_a_training_of_that_size_begun(words, tmp_path, capfd):
    root = os.fspath(Path(__file__).parent)
    base = ["data=folder", f"data.root={root}", "logger=none", "trainer.accelerator=cpu", f"results={tmp_path}/out"]
    assert main(["train", *base, words]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.fixture
def one_core():
    """This process may use one core only, while the test lasts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def test_workers_are_counted_with_the_processes_of_their_cells(tmp_path, capfd, one_core):
    most = capacity.A_CORE * capacity.cores()
    (tmp_path / "suite").mkdir()
    seeds = ", ".join(f"seed={seed}" for seed in range(most + 1))
    (tmp_path / "suite" / "many.yaml").write_text(f"# many\ngrid: [[{seeds}]]\noverrides: [{', '.join(TINY)}]\n")
    words = ["suite", "many", "--config-dir", str(tmp_path), f"results={tmp_path}/out", f"executor.workers={most + 1}"]
    assert main(words) == 2
    assert f"executor.workers={most + 1}: {most + 1} processes are too many" in capfd.readouterr().err
    assert not list((tmp_path / "out").glob("cells/*"))


def test_a_job_elsewhere_is_judged_where_it_runs(tmp_path):
    """Submitting asks nothing of the submitting machine; the job, on its own, answers with a sentence."""
    cfg = compose([*TINY, "executor=ray", "trainer.devices=1000", f"results={tmp_path}/out"])
    result = Job.of(cfg)()
    assert result.status == MISTAKE and "1,000 processes are too many" in result.reason


def test_processes_that_somebody_else_has_started_are_theirs(monkeypatch):
    """torchrun says so by these variables; a core of ours says nothing about how many there may be."""
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "GROUP_RANK": "0", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    for name, value in {"WORLD_SIZE": "1000", "LOCAL_WORLD_SIZE": "1000", "NODE_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    many = capacity.A_CORE * capacity.cores() + 1
    trainer = attack_trainer(compose([*TINY, "trainer=ddp", f"trainer.devices={many}"]))
    assert trainer.num_devices == many


@pytest.mark.parametrize(
    ("given", "threads"),
    [("1", 1), ("1,2", 1), (" 1 ", 1), ("1000000", None), ("0", None), ("many", None), ("", None), (None, None)],
)
def test_no_more_threads_are_taken_than_the_environment_allows(given, threads, monkeypatch):
    """None for as many as there are cores."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert capacity.threads() == (threads or capacity.cores())


def test_free_memory_lies_between_what_nobody_touches_and_what_there_is():
    """The kernel's own counts: pages in no use at all (half of them may go meanwhile), and all pages."""
    untouched, all_of_it = (
        os.sysconf(name) * os.sysconf("SC_PAGE_SIZE") for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES")
    )
    free = capacity.free_memory()
    assert 0 < free <= all_of_it
    assert free >= untouched // 2 or Path("/sys/fs/cgroup/memory.max").exists()  # a container may have less


def test_an_estimate_below_what_is_free_passes_and_one_above_is_a_sentence():
    free = capacity.free_memory()
    capacity.require_memory(free // 2, "x", "y")
    with pytest.raises(UserError, match=r"^a suite take .* of memory at least, and .* are free; take fewer$"):
        capacity.require_memory(free * 2, "a suite", "take fewer")


def test_the_estimates_are_below_what_a_run_of_the_paper_takes():
    """Never a refusal of what is run today: 100 victims of a fresh ResNet-20, batches of 100 images, 5,000 victims."""
    capacity.check_gradients(100, 271_994, per_victim=True, width=8)
    capacity.check_inputs(100, 100, 3 * 32 * 32)
    capacity.check_rows(5_000, 8)


def test_speed_asks_for_threads_that_there_are(capfd):
    assert main(["speed", "--threads", "1,100000"]) == 2
    assert "--threads=100000: too many threads" in capfd.readouterr().err
