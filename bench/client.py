"""The private side: turns a model, a loss and a private batch into an `Observation`, under a threat model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import replace_all_batch_norm_modules_
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils import _pytree as pytree

from bench.defenses.base import ClientContext, ClientStep, Defense, PlainGradient, Tree
from bench.defenses.mapping import each, stacked
from bench.defenses.stack import Stack, described, public, schedule_of
from bench.engine.rng import VictimRng, seeded
from bench.errors import NotApplicable, UserError
from bench.messages import Language, Observation, Task, Tokenizer, Victims
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import Loss, gradient_of, introspect
from bench.models.shared import parted, trained
from bench.models.soft_labels import SoftLabels, soft_labels
from bench.models.text.base import TextModel, pack
from bench.threat import Threat

# Number of gradients computed together, which bounds the memory of activations. On a processor it is 1, because the
# rounding of a victim's entries must not depend on the other victims of this process.
_VICTIMS_AT_ONCE, _VICTIMS_AT_ONCE_CPU = 64, 1
_RANDOM = "called random operation"  # part of vmap's error message if random numbers are drawn inside it
_IN_SHORT = 120  # the most characters that are quoted from an error's message
_ANY_LENGTH = (
    "how long an update is means nothing to an attacker that is not granted the local training (rate, steps, clients): "
    "attacks that match it compare directions, each at length 1"
)
_TIMED, _LONG = 3, 0.5  # number of calls whose median is the time, and seconds from which one call is enough


@dataclass(frozen=True)
class DataFacts:
    """Facts about the data that the client and the threat model need.

    Args:
        shape: `(C, H, W)` of an image, `(T,)` of a sentence.
        classes: number of classes; for a language model, of tokens.
        mean_image: `[C, H, W]`; None for sentences.
        tokenizer: for sentences, the tokeniser of the model (`bench.models.text.tokenizer`).
        surrogate: sentences as tokens, none of them a victim's.
        hidden: share of the tokens that a masked language model has to predict, in [0, 1].
    """

    shape: tuple[int, ...]
    classes: int
    mean_image: Tensor | None
    tokenizer: Tokenizer | None = None
    surrogate: tuple[tuple[int, ...], ...] = ()
    hidden: float = 0.0


class Client(nn.Module):
    """Computes what a client shares.

    Args:
        build: makes the model, with initial weights from torch's global generator; its trainable parameters are shared.
        loss: `(logits, targets) -> scalar`, the mean over the batch.
        per_victim: whether each victim has its own model, drawn from (seed, victim id), or all share one.
        mode: `eval` or `train`. In train mode, BatchNorm normalises by the batch, and its running statistics are not
            used.
        defense: what is done before anything is shared.
        threat: what is granted.
        data: see `DataFacts`.
        batch_size: B.
        seed: seed of the models and of the defence.
        grant_mean: whether the mean image of the data is granted. The gradient is then withheld, so that an attack that
            is granted the mean image is a control.

    Raises:
        UserError: the mode is neither word, nothing is shared, or the model cannot be attacked at all
            (`bench.models.introspect`).
        NotApplicable: the defence cannot be used with this model, mode or batch size.

    Attributes:
        trained: names of the parameters whose gradients are shared, before the threat model withholds any.
        notes: sentences about what was done otherwise than one would expect.
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
    ) -> None:
        super().__init__()
        if mode not in ("eval", "train"):
            raise UserError(f"model.mode={mode!r}: want eval or train")
        self._build, self._loss, self._mode = build, loss, mode
        self.per_victim, self.threat, self.data, self.seed = per_victim, threat, data, seed
        self.batch_size, self.grant_mean = batch_size, grant_mean
        with seeded(seed, "model"):
            self.model = self._fresh()
        self.trained = trained(self.model)
        self.facts = introspect(self.model, loss, data.shape, data.classes, batch_size)
        self.defense, self.local = defense, self._local()
        self._labels = self._soft_labels(loss)
        self._gradient = gradient_of(self.model, self._labels.loss)
        self._step = defense.wrap(PlainGradient(self._gradient), self.local)
        self._mappable = self.facts.mappable
        self.notes: list[str] = []

    def _soft_labels(self, loss: Loss) -> SoftLabels:
        """The loss in a form that takes labels that an attacker optimises; for class indices it does not change."""
        data, language = self.data, self._language()
        places = data.shape if language is not None and language.head != "classification" else ()
        device = next(self.model.parameters()).device
        return soft_labels(loss, (self.batch_size, *places, data.classes), device)

    def _local(self) -> ClientContext:
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
        )

    def _fresh(self) -> nn.Module:
        model = self._build().train(self._mode == "train")
        if self._mode == "train":
            # Only batch statistics enter the gradient. Without running statistics, nothing is written in place.
            replace_all_batch_norm_modules_(model)
        replace_norms(model)
        return model

    def _weights(self, ids: Tensor, device: torch.device) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and buffers `{name: [V, ...]}`; those of a shared model are expanded tensors, without copies."""
        count = len(ids)
        if not self.per_victim:
            return tuple(  # type: ignore[return-value]
                {name: _repeated(value.detach().to(device), count) for name, value in named}
                for named in (self.model.named_parameters(), self.model.named_buffers())
            )
        models = []
        for victim in ids.tolist():
            with seeded(self.seed, "model", victim):
                models.append(self._fresh())
        parameters = [dict(model.named_parameters()) for model in models]
        buffers = [dict(model.named_buffers()) for model in models]
        return tuple(  # type: ignore[return-value]
            {name: torch.stack([one[name].detach() for one in group]).to(device) for name in group[0]}
            for group in (parameters, buffers)
        )

    def share(self, victims: Victims) -> Observation:
        """Returns what an attacker sees of these victims' updates after the defence, under the threat model.

        The victims are `[V, B, ...]`, and the shared gradients `{name: [V, ...]}`.

        Raises:
            NotApplicable: the threat model withholds all that is shared.
        """
        parameters, buffers = self._weights(victims.ids, victims.inputs.device)
        shared = self._shared(self._step, *parted(parameters, buffers, self.trained), victims)
        threat, language, mean = self.threat, self._language(), self.data.mean_image
        withheld = set() if language is None or threat.word_embedding else {language.embedding}
        if set(shared) <= withheld:
            raise NotApplicable(
                "the client trains the word embedding alone, and the threat model withholds its gradient"
            )
        withheld |= set(shared) if self.grant_mean else set()
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
            defense=public(self.defense, self.local, threat.local_training) if threat.defense_known else None,
        )

    def _language(self) -> Language | None:
        if not isinstance(self.model, TextModel):
            return None
        assert self.data.tokenizer is not None
        return self.model.language(self.data.tokenizer, self.data.hidden)

    def _task(self, has_buffers: bool, language: Language | None) -> Task:
        threat, facts = self.threat, self.facts
        return Task(
            gradient=self._as_known(),
            input_shape=self.data.shape,
            classes=self.data.classes if threat.classes else None,
            input_range=(0.0, 1.0) if threat.input_range else None,
            has_buffers=has_buffers,
            last_linear=facts.last_linear,
            last_bias=facts.last_bias,
            mappable=facts.mappable,
            language=language,
            unit=self.unit,
            hard_labels=self._labels.refusal,
        )

    @property
    def unit(self) -> float | None:
        """The factor between what is shared and a gradient; None if the attacker does not know it. See `Task.unit`."""
        if self.defense.unit is None:
            return 1.0
        return self.defense.unit if self.threat.local_training else None

    def _as_known(self) -> Callable[..., Tree]:
        """The attacker's own gradient, through the same local steps and clients if their schedule is granted.

        Without the grant it is one gradient of the whole batch. What a client shares after several local steps is then
        matched as if it were one gradient, of unknown length (see `unit`).
        """
        schedule = schedule_of(self.defense, self.local)
        known = schedule if self.threat.local_training else Stack([])
        step, names = known.wrap(PlainGradient(self._gradient), self.local), self.trained

        def gradient(parameters: Tree, buffers: Tree, inputs: Tensor, targets: Tensor) -> Tree:
            mine, constants = parted(parameters, buffers, names)
            noise = step.noise(_shapes(mine), len(inputs), VictimRng(()))
            return step(mine, constants, inputs, targets, noise, ())[0]

        return gradient

    def _shared(self, step: ClientStep, parameters: Tree, buffers: Tree, victims: Victims) -> Tree:
        """Runs a step, `{name: [V, ...]}`, some victims at a time, since random numbers take much memory.

        Args:
            step: the step of one client.
            parameters: `{name: [V, ...]}`, the trained ones.
            buffers: `{name: [V, ...]}`, buffers and frozen parameters, which no step changes.
            victims: the private batches.
        """
        size = _VICTIMS_AT_ONCE_CPU if victims.ids.device.type == "cpu" else _VICTIMS_AT_ONCE
        # A defence may hold one gradient per example.
        size = size if step.depth == 0 else max(1, size // self.batch_size)
        blocks = []
        for begin in range(0, len(victims), size):
            of = slice(begin, begin + size)
            noise, state = self._beforehand(step, parameters, victims.ids[of])
            weights = tuple({name: value[of] for name, value in group.items()} for group in (parameters, buffers))
            blocks.append(self._map(step, (*weights, _inputs(victims)[of], victims.labels[of], noise, state)))
        return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}

    def _beforehand(self, step: ClientStep, parameters: Tree, ids: Tensor) -> tuple[Any, Any]:
        """Draws each victim's random numbers, and makes its state at its first step."""
        shapes = {name: tuple(value.shape[1:]) for name, value in parameters.items()}
        victims = ids.tolist()
        rngs = [VictimRng((self.seed, "defense", victim)) for victim in victims]
        drawn = stacked(lambda i: step.noise(shapes, self.batch_size, rngs[i]), len(victims))
        state = stacked(lambda i: step.start(shapes), len(victims))
        return pytree.tree_map(lambda leaf: leaf.to(ids.device), (drawn, state))

    def _map(self, step: ClientStep, arguments: tuple[Any, ...]) -> Tree:
        with torch.no_grad():
            if not self._mappable:
                return self._one_by_one(step, arguments)
            try:
                return each(lambda *one: step(*one)[0], arguments, mappable=True)
            except RuntimeError as error:  # raised by vmap, which cannot map the step, or by the step itself
                if lacks_memory(error):
                    raise
                if _RANDOM in str(error):
                    raise UserError(
                        "defense: random numbers are drawn in `protect`, so they belong to no victim: draw them in "
                        "`draw`"
                    ) from error
                refusal = error
            # Running the same step victim by victim shows which it was: an error of the step itself is raised again.
            found = self._one_by_one(step, arguments)
        self._map_no_more(step, refusal)
        return found

    def _one_by_one(self, step: ClientStep, arguments: tuple[Any, ...]) -> Tree:
        """Runs the same step victim by victim; its parts do not map over samples or clients either.

        Raises:
            UserError: the step fails; the message is one line that names the defence.
        """
        known = replace(self.local, mappable=False)
        plainly = self.defense.wrap(PlainGradient(self._gradient), known) if step.depth else step
        try:
            return each(lambda *one: plainly(*one)[0], arguments, mappable=False)
        except RuntimeError as error:
            if lacks_memory(error):
                raise
            names = ", ".join(type(part).__name__ for part, _ in self.defense.flat(self.local))
            what = f"defense {names}" if step.depth else f"model {type(self.model).__name__}"
            raise UserError(f"{what} fails on a victim's batch: {_in_short(error)}") from error

    def _map_no_more(self, step: ClientStep, refusal: RuntimeError) -> None:
        """Treats victims one by one from now on."""
        self._mappable, self.local = False, replace(self.local, mappable=False)
        self._step = self.defense.wrap(PlainGradient(self._gradient), self.local)
        what = "defence" if step.depth else "model"
        self.notes.append(f"the {what} cannot be mapped over victims, which are done one by one ({_in_short(refusal)})")

    def facts_of_defense(self, victims: Victims) -> dict[str, Any]:
        """Returns `bench.defenses.stack.described`, with the wall time of a step with and without the defence.

        Args:
            victims: the victims whose step is timed; `seconds` is the time for all of them, the median of a few runs.
        """
        parameters, buffers = parted(*self._weights(victims.ids, victims.inputs.device), self.trained)
        found = described(self.defense, self.local, {name: tuple(v.shape[1:]) for name, v in parameters.items()})
        if self.defense.flat(self.local):
            for name, step in {"seconds": self._step, "seconds_undefended": PlainGradient(self._gradient)}.items():
                found[name] = _seconds(lambda step=step: self._shared(step, parameters, buffers, victims))  # type: ignore[misc]
        return {**found, "notes": [*found["notes"], *self.notes, *([_ANY_LENGTH] if self.unit is None else [])]}


def lacks_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error says that the device is out of memory; torch has no type for it on a processor."""
    named = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return named or "DefaultCPUAllocator: can't allocate memory" in str(error)


def _in_short(error: BaseException) -> str:
    return " ".join(str(error).split())[:_IN_SHORT] or type(error).__name__


def _repeated(value: Tensor, count: int) -> Tensor:
    """`[...]` -> `[count, ...]` without copies: the first stride is 0, even if the count is 1."""
    return value.as_strided((count, *value.shape), (0, *value.stride()))


def _inputs(victims: Victims) -> Tensor:
    """The inputs as one tensor `[V, B, ...]`, as defences take them."""
    return victims.inputs if victims.mask is None else pack(victims.inputs, victims.mask)


def _shapes(parameters: Tree) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in parameters.items()}


def _seconds(work: Callable[[], Tree]) -> float:
    times: list[float] = []
    while len(times) <= _TIMED and (not times or times[0] < _LONG):
        begin = time.perf_counter()
        result = work()
        next(iter(result.values())).flatten()[0].item()  # reading a number waits for a GPU to finish
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:] or times)
