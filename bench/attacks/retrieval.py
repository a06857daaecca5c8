"""A control of letter D: the public image whose gradient is nearest to what a victim shared."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.defenses.mapping import each
from bench.engine.settings import EngineSettings
from bench.host import signals
from bench.messages.flat import flat
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status

_AT_ONCE = 32  # public images whose gradients are in memory at a time


class Retrieval(Attack):
    """Returns, for each victim, the public image whose gradient has the largest cosine with what was shared.

    It is what anybody gets for free who has images of the same kind (`threat=public_images`), without any optimisation:
    an attack that does no better has found nothing of the victim but its kind. It is the victim's image itself only if
    that is public.

    Gradients `{name: [V, ...]}` -> images `[V, 1, C, H, W]` and labels `[V, 1]`. Batches of one only. Models of the
    victims may differ; the search then takes V times as long.

    A defence without random numbers (sign, pruning) is imitated, so that like is compared with like. Where there is
    chance in it, the gradient of a public image is that of an undefended client, through its local steps if those are
    granted, because noise of the attacker's own would only be added to that of the client.

    The objective is 1 minus the cosine, and each gradient of a public image counts as an evaluation.

    Args:
        labels: `own` tries each public image with its own label; `all` tries it with every class, which takes as many
            times as long, for victims whose labels are not those of their images (`data.labels=random`).
        imitate: whether a known defence without random numbers is imitated; if not, every gradient is undefended.
        engine: not used.

    Raises:
        ValueError: `labels` is neither word.
    """

    def __init__(self, labels: str, imitate: bool, *, engine: EngineSettings) -> None:
        super().__init__()
        if labels not in ("own", "all"):
            raise ValueError(f"labels={labels!r}: want own (of the public images) or all (every class is tried)")
        self.labels, self.imitate = labels, imitate

    @property
    def needs(self) -> frozenset[str]:
        """Public images and batches of one, and the number of classes if every one is tried."""
        needs = frozenset({"batch_size", "batch_of_one", "buffers", "public_images"})
        return needs | {"classes"} if self.labels == "all" else needs

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstructions of all victims of one model at a time.

        Args:
            seen: see `Attack.reconstruct`.
            seed: of two draws of the defence, by which it is found out whether there is chance in it.
        """
        self.check(seen)
        one_model = all(value.stride(0) == 0 for value in seen.parameters.values())
        for victims in torch.arange(len(seen), device=seen.ids.device).split(len(seen) if one_model else 1):
            yield self._nearest(seen.take(victims), seed)

    def _nearest(self, seen: Observation, seed: int) -> Reconstruction:
        """The nearest public image of each victim of `seen`, all of one model."""
        assert seen.public is not None
        begin = time.perf_counter()
        targets = _directions(seen.gradients)
        images, labels = self._candidates(seen)
        gradients = _imitated if self.imitate and _is_fixed(seen, seed) else _undefended
        best = targets.new_full((len(seen),), -torch.inf)
        choice = torch.zeros(len(seen), dtype=torch.long, device=targets.device)
        for block in torch.arange(len(images), device=targets.device).split(_AT_ONCE):
            signals.check()
            found = _directions(gradients(seen, seen.public.images[images[block], None], labels[block, None]))
            # Victim by victim, because the rounding of a product of matrices depends on its size.
            cosines = torch.stack([(found * target).sum(1) for target in targets])
            value, place = cosines.max(1)
            choice = torch.where(value > best, block[place], choice)
            best = torch.maximum(value, best)
        seconds = (time.perf_counter() - begin) / max(len(seen), 1)
        return self._claimed(seen, images[choice], labels[choice], 1 - best, len(images), seconds)

    def _candidates(self, seen: Observation) -> tuple[Tensor, Tensor]:
        """The number of a public image and a label, of each pair that is tried: `[n]` and `[n]`."""
        public = seen.public
        assert public is not None
        images = torch.arange(len(public), device=public.labels.device)
        if self.labels == "own":
            return images, public.labels
        assert seen.task.classes is not None
        every = torch.arange(seen.task.classes, device=images.device)
        return images.repeat_interleave(len(every)), every.repeat(len(public))

    def _claimed(
        self, seen: Observation, images: Tensor, labels: Tensor, objective: Tensor, tried: int, seconds: float
    ) -> Reconstruction:
        assert seen.public is not None
        count = len(seen)
        return Reconstruction(
            ids=seen.ids,
            inputs=seen.public.images[images, None],
            labels=labels[:, None],
            objective=objective.double().cpu(),
            iterations=torch.zeros(count, dtype=torch.int64),
            evaluations=torch.full((count,), tried),
            seconds=torch.full((count,), seconds, dtype=torch.float64),
            status=[Status.CONVERGED if finite else Status.NONFINITE for finite in objective.isfinite().tolist()],
        )


def _undefended(seen: Observation, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The gradients `{name: [N, ...]}` of N batches by the model of the first victim, of what is shared."""
    like, parameters, buffers = _model(seen)

    def gradient(inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        found = seen.task.gradient(parameters, buffers, inputs, targets)
        return {name: found[name].detach() for name in seen.gradients}

    with torch.no_grad():
        found: dict[str, Tensor] = each(gradient, (images.to(like.dtype), labels), seen.task.mappable)
    return found


def _imitated(seen: Observation, images: Tensor, labels: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """What a client with the known defences would share of N batches, as `_undefended` returns it."""
    like, parameters, buffers = _model(seen)
    assert seen.public is not None and seen.public.update is not None
    ids = torch.arange(len(images), device=images.device)
    found = seen.public.update(parameters, buffers, images.to(like.dtype), labels, ids, seed)
    return {name: found[name] for name in seen.gradients}


def _is_fixed(seen: Observation, seed: int) -> bool:
    """Whether the defence is known and two draws of its random numbers make the same of the first public image."""
    public = seen.public
    assert public is not None
    if public.update is None:
        return False
    first, second = (_imitated(seen, public.images[:1, None], public.labels[:1, None], seed + n) for n in range(2))
    return all(torch.equal(value, second[name]) for name, value in first.items())


def _model(seen: Observation) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """A shared tensor, for its type, and the parameters and buffers of the first victim's model."""
    trees = ({name: value[0] for name, value in tree.items()} for tree in (seen.parameters, seen.buffers))
    return next(iter(seen.gradients.values())), *trees  # type: ignore[return-value]


def _directions(gradients: dict[str, Tensor]) -> Tensor:
    """Gradients `{name: [N, ...]}` as vectors of length 1, `[N, e]`; one of zeros stays so."""
    rows = torch.cat([flat(value) for value in gradients.values()], 1)
    return rows / rows.norm(dim=1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
