"""What a config says about devices and processes is what Lightning's trainer, built from the same config, has."""

import pytest
from pytorch_lightning.plugins.environments import LightningEnvironment

from bench.config.compose import compose
from bench.errors import UserError
from bench.executors.processes import crowded, ranks
from bench.running.devices import MEETING, devices, started_elsewhere
from bench.running.trainer import attack_trainer

TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0", "NODE_RANK": "0"}
TORCHRUN |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
JOB = {"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "leak", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
JOB |= {"SLURM_NODEID": "0", "SLURM_JOB_NUM_NODES": "1", "SLURM_NTASKS_PER_NODE": "2"}
PLACES = {
    "alone": {},
    "a rank": {"LOCAL_RANK": "0"},
    "torchrun": TORCHRUN,
    "a batch script": JOB,
    "srun": {**JOB, "SLURM_STEP_NUM_TASKS": "2"},
    "a machine of two": dict(zip(MEETING, ("127.0.0.1", "29500", "0"))),
}
ASKED = [
    ("trainer=cpu", 1, 1),
    ("trainer=cpu trainer.devices=2", 2, 1),
    ("trainer=cpu trainer.devices=auto", 1, 1),
    ("trainer=ddp trainer.accelerator=cpu trainer.devices=2", 2, 1),
    ("trainer=ddp trainer.accelerator=cpu trainer.devices=1", 1, 1),
    ("trainer=ddp trainer.accelerator=cpu trainer.devices=2 trainer.num_nodes=2", 2, 2),
    ("trainer=default", 1, 1),
]


def cell(words):
    return compose(["attack=noise", "logger=none", *words.split()])


def in_place(monkeypatch, place):
    for name in {name for variables in PLACES.values() for name in variables}:
        monkeypatch.delenv(name, raising=False)
    for name, value in PLACES[place].items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("words", "count", "machines"), ASKED, ids=[words for words, _, _ in ASKED])
def test_the_devices_are_those_of_the_trainer(words, count, machines, monkeypatch):
    in_place(monkeypatch, "a machine of two")
    asked, trainer = devices(cell(words)), attack_trainer(cell(words))
    assert (asked.kind, asked.count, asked.machines) == (trainer.strategy.root_device.type, count, machines)
    assert (trainer.num_devices, trainer.num_nodes) == (count, machines)


@pytest.mark.parametrize("place", PLACES)
def test_who_starts_the_processes_is_who_the_trainer_says(place, monkeypatch):
    in_place(monkeypatch, place)
    pair = cell("trainer=ddp trainer.accelerator=cpu trainer.devices=2")
    trainer = attack_trainer(pair)
    theirs = trainer.strategy.cluster_environment.creates_processes_externally
    assert started_elsewhere() == theirs == (place in ("a rank", "torchrun", "srun"))
    assert ranks(pair) == (1 if theirs else 2)
    assert crowded(pair) == (theirs and trainer.world_size > 1)
    assert isinstance(trainer.strategy.cluster_environment, LightningEnvironment) == (place not in ("torchrun", "srun"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("trainer=cpu trainer.devices=-1", "trainer: .devices. selected with .CPUAccelerator. should be"),
        ("trainer=cpu trainer.strategy=dpp", "trainer.strategy=dpp: want auto or ddp"),
        ("trainer=cpu trainer.devices=1000", "1,000 processes are too many"),
        ("trainer=cpu trainer.num_nodes=2", "nobody has started processes on other machines"),
        ("trainer=default trainer.accelerator=mps", "trainer.accelerator=mps: this machine has none"),
    ],
)
def test_what_this_machine_cannot_start_is_one_line(words, sentence, monkeypatch):
    in_place(monkeypatch, "alone")
    with pytest.raises(UserError, match=sentence) as caught:
        ranks(cell(words))
    assert "\n" not in str(caught.value)
