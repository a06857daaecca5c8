"""Protects: a cell can be sent to another machine, asks there for what it needs, and says what it does not find."""

import pickle
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import bench
from bench.executors.remote import Job, demands, root
from bench.running.executor import ERROR, MISTAKE


def cell(devices, accelerator="cpu"):
    trainer = {"devices": devices, "accelerator": accelerator, "strategy": "auto", "num_nodes": 1}
    return OmegaConf.create({"trainer": trainer, "link": "${trainer.accelerator}"})


@pytest.mark.parametrize(
    ("devices", "accelerator", "cpus", "gpus", "wanted"),
    [
        (1, "cpu", None, None, (1, 0)),
        (4, "cpu", None, None, (4, 0)),
        (4, "cpu", 8, 1, (8, 1)),
        (4, "gpu", None, None, (4, 4)),
        (4, "cuda", 2, None, (2, 4)),
        (4, "gpu", None, 0, (4, 0)),
        ([0, 2], "gpu", None, None, (2, 2)),
        ("auto", "gpu", None, None, (1, 1)),
        (1, "auto", None, None, (1, 0)),
        (1, "mps", None, None, (1, 0)),
    ],
)
def test_what_a_cell_asks_of_a_machine(devices, accelerator, cpus, gpus, wanted) -> None:
    assert demands(cell(devices, accelerator), cpus, gpus) == wanted


def test_a_job_is_a_plain_object_that_arrives_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = pickle.loads(pickle.dumps(Job.of(cell(2))))
    assert job.folder == str(tmp_path) and job.config["link"] == "cpu" and type(job.config["trainer"]) is dict
    job.stop()  # nothing runs yet


def test_a_folder_that_is_not_shared_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relative paths of the cell would lead somewhere else."""
    monkeypatch.chdir(tmp_path)  # a job changes the working folder, which has to be given back
    result = Job(OmegaConf.to_container(cell(1), resolve=True), str(tmp_path / "gone"))()
    assert result.status == ERROR and result.reason.startswith(f"{tmp_path / 'gone'} is not on ")
    assert result.reason.endswith("(No such file or directory): it has to be shared")


def test_what_that_machine_lacks_is_the_users_mistake_and_starts_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = Job.of(cell(1, "mps"))
    result = job()
    assert (result.status, result.reason) == (MISTAKE, "trainer.accelerator=mps: this machine has none")
    assert job._group is None


def test_the_folder_that_other_machines_need_is_the_one_of_the_package() -> None:
    assert (Path(root()) / "bench" / "__init__.py").samefile(bench.__file__)
