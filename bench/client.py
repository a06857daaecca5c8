"""The private side: a model, a loss and a private batch become an `Observation`, under a threat model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import replace_all_batch_norm_modules_, vmap

from bench.engine.randomness import seeded
from bench.errors import UserError
from bench.messages import Observation, Task, Victims
from bench.models.probe import Loss, gradient_of, probe
from bench.threat import Threat

_VICTIMS_AT_ONCE = 64  # gradients computed together: bounds the memory of activations


@dataclass(frozen=True)
class DataFacts:
    """What the data say about themselves: `(C, H, W)`, the number of classes, and their mean `[C, H, W]`."""

    shape: tuple[int, int, int]
    classes: int
    mean_image: Tensor


class Client(nn.Module):
    """Computes what is shared.

    Args:
        build: makes the model, freshly initialised from torch's global generator.
        loss: `(logits, targets) -> scalar`, the mean over the batch.
        per_victim: whether each victim has a model of its own, drawn from (seed, victim id), or all share one.
        mode: `eval` or `train`. In train mode BatchNorm normalises by the batch; its running statistics play no part.
        threat: what is granted.
        data: see `DataFacts`.
        batch_size: B.
        seed: of the models.
        grant_mean: whether the mean image of the data is granted (to the control of that name).

    Raises:
        UserError: the mode is neither word, or the model cannot be attacked at all (`bench.models.probe`).
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        loss: Loss,
        *,
        per_victim: bool,
        mode: str,
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
        self.facts = probe(self.model, loss, data.shape, data.classes, batch_size)

    def _fresh(self) -> nn.Module:
        model = self._build().train(self._mode == "train")
        if self._mode == "train":
            # batch statistics alone enter the gradient; without running ones nothing is written in place
            replace_all_batch_norm_modules_(model)
        return model

    def _weights(self, ids: Tensor, device: torch.device) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and buffers `{name: [V, ...]}`; of a shared model as expanded tensors, without copies."""
        count = len(ids)
        if not self.per_victim:
            return tuple(  # type: ignore[return-value]
                {name: value.detach().to(device).expand(count, *value.shape) for name, value in named}
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
        """What an attacker sees of these victims' updates.

        The gradient is that of the mean loss over the batch (`[V, B, ...]` -> `{name: [V, ...]}`).
        """
        parameters, buffers = self._weights(victims.ids, victims.inputs.device)
        gradient = gradient_of(self.model, self._loss)
        with torch.no_grad():
            gradients = self._map(gradient, parameters, buffers, victims)
        threat, facts = self.threat, self.facts
        return Observation(
            gradients={name: value.detach() for name, value in gradients.items()},
            parameters=parameters,
            buffers=buffers if threat.buffers else {},
            ids=victims.ids,
            task=Task(
                gradient=gradient,
                input_shape=self.data.shape,
                classes=self.data.classes if threat.classes else None,
                input_range=(0.0, 1.0) if threat.input_range else None,
                has_buffers=bool(buffers),
                last_linear=facts.last_linear,
                last_bias=facts.last_bias,
                mappable=facts.mappable,
            ),
            batch_size=self.batch_size if threat.batch_size else None,
            labels=victims.labels.clone() if threat.labels else None,
            mean_image=self.data.mean_image.to(victims.inputs.device) if self.grant_mean else None,
        )

    def _map(
        self,
        gradient: Callable[..., dict[str, Tensor]],
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        victims: Victims,
    ) -> dict[str, Tensor]:
        if self.facts.mappable:
            mapped = vmap(gradient, chunk_size=_VICTIMS_AT_ONCE)
            return mapped(parameters, buffers, victims.inputs, victims.labels)
        rows = [
            gradient(
                {name: value[i] for name, value in parameters.items()},
                {name: value[i] for name, value in buffers.items()},
                victims.inputs[i],
                victims.labels[i],
            )
            for i in range(len(victims))
        ]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
