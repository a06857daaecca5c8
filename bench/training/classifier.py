"""The LightningModule that trains a classifier with what a client shares in place of the gradient."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from bench.defenses.base import ClientContext, Defense, PlainGradient, Tree
from bench.engine.rng import VictimRng
from bench.models.introspect import gradient_of
from bench.models.second_derivative import Loss
from bench.models.shared import parted, trained
from bench.training.schedule import TrainingSchedule

_TIMED = 15  # number of timed steps whose median is taken, after one that is not counted


class Classifier(pl.LightningModule):
    """Trains a model by SGD on a client's updates, which are defended exactly as those that are attacked.

    The defence stands between the gradient and the optimiser's step. In each step, the client's `ClientStep` (see
    `bench.defenses.base`) turns the batch into what is shared, and this replaces the gradient. The update of local
    steps is divided by learning rate times steps, and a sum by the number of clients, so that the learning rate of the
    schedule is one for gradients. A defence with a state (residuals, momentum) keeps it from step to step.

    Args:
        model: in the mode in which it is trained; parameters that are not trained are frozen. Its buffers (the running
            statistics of BatchNorm) follow the training.
        loss: `(logits, targets) -> scalar`, the mean over the batch.
        defense: see `bench.defenses`.
        local: what the defence knows about the step.
        schedule: see `TrainingSchedule`.
        steps: total number of steps, by which the learning rate decays.
        seed: seed of the defence's random numbers, which are new in each step.

    Attributes:
        seconds: wall time of all training steps, including the reading of batches.
        aside: seconds of what a callback did between the steps that is no training; they are not in `seconds`.
        correct: number of test images that were classified correctly.
        tested: number of test images.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        defense: Defense,
        local: ClientContext,
        *,
        schedule: TrainingSchedule,
        steps: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self._plain = PlainGradient(gradient_of(model, loss))
        self._share = defense.wrap(self._plain, local)
        self._schedule, self._steps, self._stream = schedule, steps, VictimRng((seed, "training defense"))
        self._shapes = {name: tuple(model.get_parameter(name).shape) for name in trained(model)}
        unit = defense.unit(local)
        self._unit = 1.0 if unit is None else unit
        self._state: Any = self._share.start(self._shapes)
        self.seconds, self.aside, self.done, self.correct, self.tested = 0.0, 0.0, 0, 0, 0

    def configure_optimizers(self) -> Any:
        """Makes SGD and its schedule, which `training_step` advances."""
        sgd, rate = self._schedule.optimiser([self.model.get_parameter(name) for name in self._shapes], self._steps)
        return [sgd], [rate]

    def on_train_start(self) -> None:
        """Moves the defence's state to the device, and starts the clock."""
        self._state = self._to_device(self._state)
        self.aside = 0.0  # callbacks begin before the module
        self._began = self._now()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Takes one step with what the client shares for this batch.

        Args:
            batch: inputs `[B, C, H, W]` and labels `[B]`.
            batch_idx: not used.
        """
        inputs, labels = batch
        shared = self._shared(inputs, labels)
        for name, value in shared.items():
            self.model.get_parameter(name).grad = value / self._unit
        self.optimizers().step()  # type: ignore[union-attr]
        self.lr_schedulers().step()  # type: ignore[union-attr, call-arg]
        self.done += 1

    def _shared(self, inputs: Tensor, labels: Tensor) -> Tree:
        """Returns what the client shares in this step, and updates the defence's state."""
        noise = self._to_device(self._share.noise(self._shapes, len(inputs), self._stream.child(self.done)))
        parameters, buffers = self._held()
        with torch.no_grad():
            shared, self._state = self._share(parameters, buffers, inputs, labels, noise, self._state)
        return shared

    def _held(self) -> tuple[Tree, Tree]:
        """The trained parameters, and what no step changes: buffers and frozen parameters."""
        every = {name: value.detach() for name, value in self.model.named_parameters()}
        return parted(every, dict(self.model.named_buffers()), self._shapes)

    def slowdown(self, inputs: Tensor, labels: Tensor) -> float:
        """Returns the time that a client takes to compute what it shares, relative to the undefended gradient.

        Both are timed alternately, so that other load on the machine affects both; the result is the ratio of medians.

        Args:
            inputs: `[B, C, H, W]`.
            labels: `[B]`.
        """
        parameters, buffers = self._held()
        buffers = {name: value.clone() for name, value in buffers.items()}
        times: dict[bool, list[float]] = {True: [], False: []}
        for call in range(_TIMED + 1):
            for defended in (False, True):
                step = self._share if defended else self._plain
                state = self._to_device(step.start(self._shapes))
                began = self._now()
                noise = self._to_device(step.noise(self._shapes, len(inputs), self._stream.child("timed", call)))
                with torch.no_grad():
                    step(parameters, buffers, inputs, labels, noise, state)
                times[defended].append(self._now() - began)
        return statistics.median(times[True][1:]) / statistics.median(times[False][1:])

    def on_train_end(self) -> None:
        """Stops the clock, and stores the seconds of the training."""
        self.seconds = self._now() - self._began - self.aside

    def on_test_start(self) -> None:
        """Sets the counts of tested and correct images to zero."""
        self.correct = self.tested = 0

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Counts the images that are classified correctly; an image with non-finite logits counts as wrong.

        Args:
            batch: inputs `[B, C, H, W]` and labels `[B]`.
            batch_idx: not used.
        """
        inputs, labels = batch
        logits = self.model(inputs)
        right = (logits.argmax(1) == labels) & logits.isfinite().all(1)
        self.correct += int(right.sum())
        self.tested += len(labels)

    @property
    def finite(self) -> bool:
        """Whether all parameters of the model are finite."""
        return all(bool(value.isfinite().all()) for value in self.model.parameters())

    def _to_device(self, tree: Any) -> Any:
        return tree_map(lambda value: value.to(self.device) if isinstance(value, Tensor) else value, tree)

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()
