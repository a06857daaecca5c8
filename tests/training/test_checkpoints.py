"""Checkpoints of a training: which epochs, what the files say, and that writing them changes no weight."""

import math
import statistics
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from defenses.trees import local
from safetensors.torch import save_file

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.datamodules.labelled import LabelledSplit, held_out
from bench.defenses.stack import Stack
from bench.engine.rng import seeded
from bench.models.checkpoint import load
from bench.training.checkpoints import CheckpointWriter, read
from bench.training.classifier import Classifier
from bench.training.schedule import TrainingSchedule

EPOCHS, BATCH = 3, 4
LOSS = torch.nn.functional.cross_entropy


@pytest.fixture(scope="module")
def data() -> LabelledSplit:
    samples = instantiate(compose(["data=samples", "data.set=mnist"]).data, "data")
    samples.setup()
    return LabelledSplit(*held_out(samples, 12, 6, 0), BATCH, "shuffle", 0)


def network() -> torch.nn.Module:
    """With BatchNorm, whose running statistics a measurement in train mode would move."""
    with seeded(0, "test"):
        layers = [torch.nn.Flatten(), torch.nn.Linear(784, 6), torch.nn.BatchNorm1d(6), torch.nn.Linear(6, 10)]
        return torch.nn.Sequential(*layers).train()


def trained(data: LabelledSplit, folder: Path, epochs: list[int], lr: float = 0.1) -> Classifier:
    schedule = TrainingSchedule("held_out", 12, 6, 0, "shuffle", BATCH, lr, 0.0, 0.0, "constant", EPOCHS, 1, epochs)
    model = network()
    context = local(model=model, batch_size=BATCH, last_linear="3.weight", batch_statistics=True)
    module = Classifier(model, LOSS, Stack([]), context, schedule=schedule, steps=EPOCHS * 3, seed=0)
    facts: dict[str, Any] = {"run": 0, "config": {"training": {"lr": lr}}}
    writer = CheckpointWriter(
        epochs,
        lambda epoch: folder / f"epoch_{epoch}.safetensors",
        data.test_dataloader,
        lambda: data.examples(64),
        LOSS,
        facts,
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=[writer],
    )
    trainer.fit(module, data)
    module.eval()
    trainer.test(module, data, verbose=False)
    return module


def test_the_chosen_epochs_are_written_and_hold_the_weights_of_that_moment(data: LabelledSplit, tmp_path: Path) -> None:
    module = trained(data, tmp_path / "weights", [0, EPOCHS])
    assert {path.name for path in (tmp_path / "weights").iterdir()} == {"epoch_0.safetensors", "epoch_3.safetensors"}
    for epoch, expected in ((0, network()), (EPOCHS, module.model)):
        found = network()
        load(found, str(tmp_path / "weights" / f"epoch_{epoch}.safetensors"))
        for name, value in expected.state_dict().items():
            assert torch.equal(found.state_dict()[name], value), name
    said = read(tmp_path / "weights" / "epoch_3.safetensors")
    assert (said["epoch"], said["run"], said["tested"]) == (EPOCHS, 0, 6)
    assert said["accuracy"] == module.correct / module.tested and said["config"] == {"training": {"lr": 0.1}}


def test_writing_changes_no_weight_and_the_same_training_writes_the_same_bytes(
    data: LabelledSplit, tmp_path: Path
) -> None:
    plain = trained(data, tmp_path / "none", [])
    assert not (tmp_path / "none").exists()
    one, other = (trained(data, tmp_path / word, [1, 2, EPOCHS]) for word in ("one", "other"))
    for name, value in plain.model.state_dict().items():
        assert torch.equal(one.model.state_dict()[name], value), name
    for epoch in (1, 2, EPOCHS):
        name = f"epoch_{epoch}.safetensors"
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert one.seconds > 0 and other.aside > 0


def test_the_gradient_norm_is_the_median_over_single_examples(data: LabelledSplit, tmp_path: Path) -> None:
    trained(data, tmp_path, [0])
    model, norms = network().eval(), []
    for image, label in zip(data.train.images, data.train.labels, strict=True):
        model.zero_grad()
        scaled = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
        LOSS(model(scaled), torch.tensor([int(label)])).backward()
        norms.append(math.sqrt(sum(float(value.grad.square().sum()) for value in model.parameters())))
    said = read(tmp_path / "epoch_0.safetensors")
    assert said["gradient_norm"] == pytest.approx(statistics.median_low(norms), rel=1e-5)


def test_weights_that_are_not_finite_are_not_written(data: LabelledSplit, tmp_path: Path) -> None:
    module = trained(data, tmp_path, [0, 1, EPOCHS], lr=1e38)
    assert not module.finite and [path.name for path in tmp_path.iterdir()] == ["epoch_0.safetensors"]


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "epoch_1.safetensors"
    save_file({"weight": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match="not written by leakbench train"):
        read(file)
    file.write_bytes(b"{")
    with pytest.raises(ValueError, match="corrupt"):
        read(file)
