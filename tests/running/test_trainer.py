"""Protects: a trainer has the strategy that its processes need, and a device or a job that does not fit is one line."""

import pytest
import torch
from omegaconf import DictConfig
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy

from bench.config.compose import compose
from bench.errors import UserError
from bench.running.devices import MEETING
from bench.running.trainer import PATIENCE, attack_trainer, device_in_words, fitting_trainer

STARTED = (
    *("TORCHELASTIC_RUN_ID", "RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", *MEETING),
    *("SLURM_NTASKS", "SLURM_JOB_NAME", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES"),
)
TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0", "NODE_RANK": "0"}
SRUN = {"SLURM_JOB_NAME": "leak", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has started this process as one of a cell's."""
    for name in STARTED:
        monkeypatch.delenv(name, raising=False)


def cell(*words: str) -> DictConfig:
    return compose(["attack=noise", "logger=none", "trainer.accelerator=cpu", *words])


@pytest.mark.parametrize(
    ("words", "several"),
    [
        (["trainer.devices=1"], False),
        (["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=1"], False),
        (["trainer.devices=2"], True),
        (["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"], True),
        (["trainer.strategy=ddp_spawn", "trainer.devices=2"], True),
    ],
)
def test_one_process_is_no_group_and_several_wait_long_for_each_other(words: list[str], several: bool) -> None:
    """Lightning's own DDP gives up after half an hour, in which the slowest process may not have ended."""
    trainer = attack_trainer(cell(*words))
    if several:
        assert type(trainer.strategy) is DDPStrategy and trainer.strategy._timeout == PATIENCE
        assert trainer.strategy._start_method == "popen" and trainer.world_size == 2
    else:
        assert type(trainer.strategy) is SingleDeviceStrategy and trainer.world_size == 1
    assert trainer.loggers == [] and trainer.progress_bar_callback is None


@pytest.mark.parametrize(("world", "kind"), [("1", SingleDeviceStrategy), ("2", DDPStrategy)])
def test_who_started_the_processes_knows_how_many_there_are(
    world: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were one of two taken for the only process, both would attack every victim; Lightning compares the numbers."""
    for name, value in {**TORCHRUN, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}.items():
        monkeypatch.setenv(name, value)
    trainer = attack_trainer(cell("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=1"))
    assert type(trainer.strategy) is kind and trainer.world_size == int(world)


@pytest.mark.parametrize("words", [["trainer=ddp", "trainer.devices=2"], ["trainer.devices=1"]])
def test_srun_without_tasks_per_node_is_one_line(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning raises a RuntimeError for `srun --ntasks=2`, which would be shown as a fault of leakbench."""
    for name, value in {**SRUN, "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"^trainer: .*--ntasks=2.*Use `--ntasks-per-node=2` instead") as caught:
        attack_trainer(cell(*words, "trainer.accelerator=cpu"))
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2")
    assert attack_trainer(cell("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")).world_size == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trainer.strategy=dpp"], "trainer.strategy=dpp: want auto or ddp"),
        (["trainer.accelerator=mps"], "trainer.accelerator=mps: this machine has none"),
        (["trainer.devices=1000"], "1,000 processes are too many"),
        (["trainer.num_nodes=2"], "nobody has started processes on other machines"),
        (["trainer.strategy=fsdp"], "trainer: "),
    ],
)
def test_what_this_machine_does_not_have_is_one_line(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        attack_trainer(cell(*words))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("devices", ["auto", "1", "3", "-1"])
def test_a_classifier_is_trained_on_one_device(devices: str) -> None:
    """What is measured is one client's step, so several devices or machines would give another number."""
    cfg = compose(["logger=none", "trainer=ddp", "trainer.accelerator=cpu", f"trainer.devices={devices}"])
    cfg.trainer.num_nodes = 2
    trainer = fitting_trainer(cfg, 7)
    assert (trainer.num_devices, trainer.num_nodes, trainer.max_epochs) == (1, 1, 7)
    assert type(trainer.strategy) is SingleDeviceStrategy and trainer.num_sanity_val_steps == 0
    assert trainer.loggers == []


def test_a_device_in_words_says_the_threads_that_torch_uses() -> None:
    trainer = attack_trainer(cell("trainer.devices=1"))
    assert device_in_words(trainer) == f"cpu, {torch.get_num_threads()} threads"
