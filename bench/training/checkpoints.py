"""The weights at chosen epochs of a training, each a safetensors file that says how good they are.

A file holds the model's state by name, as `bench.models.checkpoint` reads it. Its metadata have one JSON document under
`leakbench`: `epoch`, `run`, `accuracy` (on the images to test on), `tested` (their number), `gradient_norm`, and the
`config` of the training. The same weights make the same bytes, so that their hash identifies them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bench.models.introspect import gradient_of
from bench.models.second_derivative import Loss
from bench.models.shared import parted, trained
from bench.storage.atomic import unwritable, write_bytes
from bench.training.classifier import Classifier

_KEY = "leakbench"
Batches = Iterable[tuple[Tensor, Tensor]]  # inputs [B, C, H, W] in [0, 1], labels [B]
_FACTS = ("epoch", "run", "accuracy", "tested", "gradient_norm", "config")


class CheckpointWriter(pl.Callback):
    """Writes the weights of a training after each of the chosen epochs; weights that are not finite are not written.

    The accuracy is measured in eval mode, which moves no running statistics. The seconds that all this takes are not
    those of the training (`Classifier.aside`).

    Args:
        epochs: which epochs; 0 is before the first step.
        place: the file of an epoch.
        tested: gives the batches to test on.
        normed: gives examples to train on, in batches of one, whose gradients are measured.
        loss: `(logits, targets) -> scalar`, the mean over the batch.
        facts: what every file says beside its own figures: `run` and `config`.

    Raises:
        UserError: a file cannot be written.
    """

    def __init__(
        self,
        epochs: Collection[int],
        place: Callable[[int], Path],
        tested: Callable[[], Batches],
        normed: Callable[[], Batches],
        loss: Loss,
        facts: Mapping[str, Any],
    ) -> None:
        self._epochs, self._place, self._loss, self._facts = frozenset(epochs), place, loss, facts
        self._tested, self._normed = tested, normed

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes the weights before the first step."""
        self._write(pl_module, 0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes the weights after an epoch."""
        self._write(pl_module, trainer.current_epoch + 1)

    def _write(self, module: pl.LightningModule, epoch: int) -> None:
        assert isinstance(module, Classifier)
        if epoch not in self._epochs or not module.finite:
            return
        began, training = time.perf_counter(), module.model.training
        module.model.eval()
        right, tested = correct(module.model, self._tested(), module.device)
        found = {
            "epoch": epoch,
            "accuracy": right / tested,
            "tested": tested,
            "gradient_norm": gradient_norm(module.model, self._loss, self._normed(), module.device),
            **self._facts,
        }
        module.model.train(training)
        write(self._place(epoch), module.model, found)
        module.aside += time.perf_counter() - began


def correct(model: nn.Module, batches: Batches, device: torch.device) -> tuple[int, int]:
    """How many examples a model in eval mode classifies correctly, and how many there are."""
    right = count = 0
    with torch.no_grad():
        for inputs, labels in batches:
            right += int((model(inputs.to(device)).argmax(1).cpu() == labels).sum())
            count += len(labels)
    return right, count


def gradient_norm(model: nn.Module, loss: Loss, examples: Batches, device: torch.device) -> float:
    """The median L2 norm of the gradient of one example; of an even number of them the lower of the two in the middle.

    It is that of an undefended client with a batch of one, whose model is in eval mode.

    Args:
        model: in eval mode.
        loss: `(logits, targets) -> scalar`.
        examples: in batches of one, at least one.
        device: where the model is.
    """
    every = {name: value.detach() for name, value in model.named_parameters()}
    parameters, constant = parted(every, dict(model.named_buffers()), trained(model))
    derivative, norms = gradient_of(model, loss), []
    for inputs, labels in examples:
        shared = derivative(parameters, constant, inputs.to(device), labels.to(device))
        norms.append(torch.stack([value.square().sum() for value in shared.values()]).sum().sqrt())
    return float(torch.stack(norms).median())


def write(path: Path, model: nn.Module, facts: Mapping[str, Any]) -> None:
    """Writes the weights and what is known of them, in one step.

    Args:
        path: the file; its folder is made if need be.
        model: any.
        facts: plain values (see the module).

    Raises:
        UserError: the file cannot be written.
    """
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    # one entry, because safetensors writes several in any order
    write_bytes(path, save(tensors, metadata={_KEY: json.dumps(dict(facts), sort_keys=True)}))


def read(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, see the module.

    Raises:
        ValueError: `leakbench train` did not write the file; the message says what is wrong.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            found = json.loads((file.metadata() or {}).get(_KEY, "null"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"it is corrupt ({(str(error).splitlines() or [''])[0]})") from None
    if not isinstance(found, dict) or any(name not in found for name in _FACTS):
        raise ValueError("it was not written by leakbench train")
    return found
