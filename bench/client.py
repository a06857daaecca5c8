"""The private side: turns a model, a loss and a private batch into an `Observation`, under a threat model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.defenses.base import ClientContext, Defense, PlainGradient
from bench.defenses.example_form import ExampleForm
from bench.defenses.known_training import known_training
from bench.defenses.known_update import KnownUpdate, granted_images
from bench.defenses.stack import described, public
from bench.defenses.step_runner import StepRunner
from bench.engine.rng import seeded
from bench.errors import NotApplicable, UserError
from bench.messages.data_facts import DataFacts
from bench.messages.observation import Observation
from bench.messages.task import Language, Task
from bench.messages.victims import Victims
from bench.models.batch_statistics import granted_statistics, normalise_by_batch, statistics_of
from bench.models.chain import chain_of
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import ModelInfo, gradient_of, introspect
from bench.models.patch_attention import patch_attention_of
from bench.models.second_derivative import Loss
from bench.models.shared import parted, trained
from bench.models.soft_labels import SoftLabels, soft_labels
from bench.models.text.base import TextModel
from bench.models.whole_step import WholeStep
from bench.threat import Threat

_ANY_LENGTH = (
    "how long an update is means nothing to an attacker that is not granted the local training (rate, steps, clients): "
    "attacks that match it compare directions, each at length 1"
)


class Client(nn.Module):
    """Computes what a client shares.

    Args:
        build: makes the model, with initial weights from torch's global generator; its trainable parameters are shared.
        loss: `(logits, targets) -> scalar`, the mean over the batch.
        per_victim: whether each victim has its own model, drawn from (seed, victim id), or all share one.
        mode: `eval` or `train`. In train mode, BatchNorm normalises by the batch, and its running statistics are not
            used.
        defense: what is done before anything is shared, to the model as well.
        threat: what is granted.
        data: see `DataFacts`.
        batch_size: B.
        seed: seed of the models and of the defence.
        grant_mean: whether the mean image of the data is granted. The gradient is then withheld, so that an attack that
            is granted the mean image is a control.
        dtype: type in which the step is computed: weights, inputs, defences and gradients. Weights, inputs and random
            numbers are made in float32 and converted, so they have the same values in float64.
        info: what is known of such a model after the defence's change; None to find out.

    Raises:
        UserError: the mode is neither word, nothing is shared, or the model cannot be attacked at all
            (`bench.models.introspect`).
        NotApplicable: the defence cannot be used with this model, mode or batch size.

    Attributes:
        trained: names of the parameters whose gradients are shared, before the threat model withholds any.
        runner: runs the step; its `notes` say what had to be done otherwise than expected.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        loss: Loss,
        *,
        per_victim: bool,
        mode: str,
        defense: Defense,
        threat: Threat,
        data: DataFacts,
        batch_size: int,
        seed: int,
        grant_mean: bool,
        dtype: torch.dtype = torch.float32,
        info: ModelInfo | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("eval", "train"):
            raise UserError(f"model.mode={mode!r}: want eval or train")
        self._build, self._loss, self._mode = build, loss, mode
        self.per_victim, self.threat, self.data, self.seed = per_victim, threat, data, seed
        self.batch_size, self.grant_mean, self.dtype, self.defense = batch_size, grant_mean, dtype, defense
        with seeded(seed, "model"):
            self.model = self._fresh()
        self.trained = trained(self.model)
        self.facts = info or introspect(self.model, loss, data.shape, data.classes, batch_size)
        reads_images = not isinstance(self.model, TextModel | WholeStep)
        self._chain = chain_of(self.model, data.shape) if reads_images else None
        self._patches = patch_attention_of(self.model, data.shape) if reads_images else None
        self._labels = self._soft_labels(loss)
        self._gradient = gradient_of(self.model, self._labels.loss)
        self.runner = StepRunner(defense, self._gradient, self._context(), seed)
        self._known_update = KnownUpdate(defense, self._gradient, self.runner.context, self.trained)
        self._public = granted_images(data.public, threat, self._known_update)

    def _soft_labels(self, loss: Loss) -> SoftLabels:
        """The loss in a form that takes labels that an attacker optimises; for class indices it does not change."""
        if isinstance(self.model, WholeStep):
            return SoftLabels(loss, self.model.hard_labels)
        data, language = self.data, self._language()
        places = data.shape if language is not None and language.head != "classification" else ()
        device = next(self.model.parameters()).device
        return soft_labels(loss, (self.batch_size, *places, data.classes), device)

    def _context(self) -> ClientContext:
        norms = [module for module in self.model.modules() if isinstance(module, _BatchNorm)]
        # No layer has running statistics in train mode; one that keeps none has none in eval mode either.
        by_batch = any(module.running_mean is None for module in norms)
        return ClientContext(
            model=self.model,
            batch_size=self.batch_size,
            last_linear=self.facts.last_linear,
            batch_statistics=by_batch,
            frozen_statistics=any(module.running_mean is not None for module in norms),
            mappable=self.facts.mappable,
            examples=self._form(),
        )

    def _form(self) -> ExampleForm:
        language = self._language()
        by_token = language is not None and language.head != "classification"
        return ExampleForm(self.data.shape, self.data.classes, by_token, self._labels.refusal, soft=False)

    def _fresh(self) -> nn.Module:
        model = self.defense.change_model(self._build()).train(self._mode == "train")
        # In train mode only batch statistics enter the gradient. Without running ones, nothing is written in place.
        normalise_by_batch(model)
        replace_norms(model)
        return model

    def _weights(self, ids: Tensor, device: torch.device) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and buffers `{name: [V, ...]}`; those of a shared model are expanded tensors, without copies."""
        count = len(ids)
        if not self.per_victim:
            return tuple(  # type: ignore[return-value]
                {name: _repeated(self._typed(value.detach().to(device)), count) for name, value in named}
                for named in (self.model.named_parameters(), self.model.named_buffers())
            )
        models = []
        for victim in ids.tolist():
            with seeded(self.seed, "model", victim):
                models.append(self._fresh())
        parameters = [dict(model.named_parameters()) for model in models]
        buffers = [dict(model.named_buffers()) for model in models]
        return tuple(  # type: ignore[return-value]
            {name: self._typed(torch.stack([one[name].detach() for one in group]).to(device)) for name in group[0]}
            for group in (parameters, buffers)
        )

    def _typed(self, value: Tensor) -> Tensor:
        """The same values in the type of the step; integers, such as tokens, stay as they are."""
        return value.to(self.dtype) if value.is_floating_point() else value

    def _typed_victims(self, victims: Victims) -> Victims:
        return replace(victims, inputs=self._typed(victims.inputs))

    def share(self, victims: Victims) -> Observation:
        """Returns what an attacker sees of these victims' updates after the defence, under the threat model.

        The victims are `[V, B, ...]`, and the shared gradients `{name: [V, ...]}`.

        Raises:
            NotApplicable: the threat model withholds all that is shared.
        """
        parameters, buffers = self._weights(victims.ids, victims.inputs.device)
        trees = parted(parameters, buffers, self.trained)
        typed = self._typed_victims(victims)
        shared = self.runner(self.runner.step, *trees, typed)
        threat, language, mean = self.threat, self._language(), self.data.mean_image
        if self._public is not None:  # moved once, and not for each share: after the first one this copies nothing
            self._public = self._public.to(victims.ids.device)
        withheld = set() if language is None or threat.word_embedding else {language.embedding}
        if set(shared) <= withheld:
            raise NotApplicable(
                "the client trains the word embedding alone, and the threat model withholds its gradient"
            )
        withheld |= set(shared) if self.grant_mean else set()
        levels = [part.level for part, _ in self.defense.flat(self.runner.context)]
        # A control that is granted the mean image sees nothing of the victims, so no statistics of their batch either.
        side = frozenset() if self.grant_mean else threat.statistics
        return Observation(
            gradients={name: value.detach() for name, value in shared.items() if name not in withheld},
            parameters=parameters,
            buffers=buffers if threat.buffers else {},
            ids=victims.ids,
            task=self._task(bool(buffers), language),
            batch_size=self.batch_size if threat.batch_size else None,
            labels=victims.labels.clone() if threat.labels else None,
            mask=victims.mask.clone() if threat.lengths and victims.mask is not None else None,
            surrogate=self.data.surrogate if threat.surrogate and language is not None else None,
            mean_image=mean.to(victims.inputs.device) if self.grant_mean and mean is not None else None,
            defense=public(self.defense, self.runner.context, threat.local_training) if threat.defense_known else None,
            statistics=granted_statistics(self.model, side, parameters, buffers, typed.inputs, levels),
            public=self._public,
        )

    def update_as_function(self, victims: Victims) -> Callable[[Tensor], Tensor]:
        """What the first victim shares, as a function of its inputs: `[B * C * H * W]` -> `[e]`, all entries.

        Labels, weights and the random numbers of the defence stay the same. `torch.func` can differentiate it.
        """
        typed = self._typed_victims(victims)
        trees = parted(*self._weights(victims.ids[:1], victims.inputs.device), self.trained)
        update, shape = self.runner.as_function(*trees, typed), typed.inputs.shape[1:]

        def function(pixels: Tensor) -> Tensor:
            return torch.cat([value.flatten() for value in update(pixels.reshape(shape)).values()])

        return function

    def updates_again(self, victims: Victims, seed: int) -> Tensor:
        """What clients of the first victim's model would share of batches, with random numbers of a seed, `[V, e]`.

        Those of two batches are the same if the batches have the same number.
        """
        parameters, buffers = (
            {name: value[0] for name, value in tree.items()}
            for tree in self._weights(victims.ids[:1], victims.inputs.device)
        )
        shared = self._known_update.of(parameters, buffers, self._typed_victims(victims), seed)
        return torch.cat([value.flatten(1) for value in shared.values()], 1)

    def _language(self) -> Language | None:
        if not isinstance(self.model, TextModel):
            return None
        assert self.data.tokenizer is not None
        return self.model.language(self.data.tokenizer, self.data.hidden)

    def _task(self, has_buffers: bool, language: Language | None) -> Task:
        threat, facts = self.threat, self.facts
        grants = threat.local_training, threat.defense_known
        known = known_training(self.defense, self.runner.context, self._gradient, self.trained, *grants)
        return Task(
            gradient=known.gradient,
            input_shape=self.data.shape,
            classes=self.data.classes if threat.classes else None,
            input_range=self.data.input_range if threat.input_range else None,
            has_buffers=has_buffers,
            last_linear=facts.last_linear,
            last_bias=facts.last_bias,
            mappable=facts.mappable,
            language=language,
            unit=self.unit,
            hard_labels=self._labels.refusal,
            chain=self._chain,
            patches=self._patches,
            statistics=statistics_of(self.model) if language is None else None,
            epochs=known.epochs,
            by_epoch=known.by_epoch,
            columns=self.data.columns if threat.input_range else None,
        )

    @property
    def unit(self) -> float | None:
        """The factor between what is shared and a gradient; None if the attacker does not know it. See `Task.unit`."""
        unit = self.defense.unit(self.runner.context)
        return 1.0 if unit is None else unit if self.threat.local_training else None

    def facts_of_defense(self, victims: Victims) -> dict[str, Any]:
        """Returns `bench.defenses.stack.described`, with the wall time of a step with and without the defence.

        Args:
            victims: the victims whose step is timed; `seconds` is the time for all of them, the median of a few runs.
        """
        parameters, buffers = parted(*self._weights(victims.ids, victims.inputs.device), self.trained)
        found = described(
            self.defense, self.runner.context, {name: tuple(v.shape[1:]) for name, v in parameters.items()}
        )
        if self.defense.flat(self.runner.context):
            for name, step in {
                "seconds": self.runner.step,
                "seconds_undefended": PlainGradient(self._gradient),
            }.items():
                found[name] = self.runner.seconds(step, parameters, buffers, self._typed_victims(victims))
        return {**found, "notes": [*found["notes"], *self.runner.notes, *([_ANY_LENGTH] if self.unit is None else [])]}


def _repeated(value: Tensor, count: int) -> Tensor:
    """`[...]` -> `[count, ...]` without copies: the first stride is 0, even if the count is 1."""
    return value.as_strided((count, *value.shape), (0, *value.stride()))
