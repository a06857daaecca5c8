"""Learning to Invert (Wu, Chen, Guo, Weinberger, UAI 2023, arXiv 2210.10880): a network from gradients to images."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bench.attacks.base import Attack
from bench.attacks.gradient_features import FeatureHash, Standardised
from bench.attacks.inversion_network import InversionTraining
from bench.attacks.public_features import PublicFeatures
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.public_images import UpdateFunction
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status

_FEWEST = 2  # public images without which no feature has a deviation


@dataclass(frozen=True, eq=False)
class _Inverter:
    """What was learned, and from what: another client, seed, model or device needs another one."""

    update: UpdateFunction
    seed: int
    weights: dict[str, Tensor]
    hashed: FeatureHash
    standardised: Standardised
    network: nn.Module

    def serves(self, seen: Observation, seed: int) -> bool:
        assert seen.public is not None
        if self.update is not seen.public.update or self.seed != seed:
            return False
        theirs = {name: value[0] for name, value in seen.parameters.items()}
        return all(
            own.device == theirs[name].device and torch.equal(own, theirs[name]) for name, own in self.weights.items()
        )

    def read(self, gradients: dict[str, Tensor]) -> Tensor:
        """The images `[N, pixels]`, in (0, 1), that belong to gradients `{name: [N, ...]}`."""
        found: Tensor = self.network(self.standardised(self.hashed(gradients)))
        return found


class LearningToInvert(Attack):
    """Learns to invert what a client shares, from what its defence makes of public images of the same kind.

    A network is trained on pairs of a public image and what a client with the known defences would share of it, with
    random numbers of the attacker's own, and then reads what the victims share. It makes no assumption on the defence,
    so one attack serves all of them: sign, quantisation, noise, pruning, clipping. It is of letter D
    (`threat=public_images`), and shows what the defence leaves of an image to somebody who knows images of that kind.

    Gradients `{name: [V, ...]}` -> images `[V, 1, C, H, W]` in the range of inputs; labels are not claimed. One network
    serves all victims of a cell, so they have to share one model. It depends on the seed, the model, the defence and
    the public images, and not on any victim; victims are then read one by one.

    Batches of one only. For larger ones the paper minimises the error under the best order of the images; that is not
    done here.

    Departs: a gradient is hashed with random signs and standardised per feature, whereas the published code hashes
    larger models only, without signs, and does not standardise. The random numbers of the defence are drawn `draws`
    times per image, and not anew in each epoch. The published network is larger and trained for longer, and its epoch
    is chosen by the error on the test images; here public images that are held out choose it.

    Args:
        images: public images that are used, the first ones, >= 2; null for all of them.
        draws: how often the random numbers of the defence are drawn per image, >= 1; of a defence without any, once.
        bins: see `FeatureHash`.
        held_out: see `InversionTraining`.
        width: see `InversionTraining`.
        depth: see `InversionTraining`.
        epochs: see `InversionTraining`.
        batch_size: see `InversionTraining`.
        lr: see `InversionTraining`.
        engine: not used.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self,
        images: int | None,
        draws: int,
        bins: int,
        held_out: float,
        width: int,
        depth: int,
        epochs: int,
        batch_size: int,
        lr: float,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__()
        if images is not None and images < _FEWEST:
            raise ValueError(f"images={images}: must be >= {_FEWEST} (public images to learn from), or null for all")
        if draws < 1:
            raise ValueError(f"draws={draws}: must be >= 1 (draws of the defence's random numbers per image)")
        self.images, self.draws, self.bins = images, draws, FeatureHash(bins, 0).bins
        self.train_network = InversionTraining(held_out, width, depth, epochs, batch_size, lr)
        self._learned: _Inverter | None = None

    @property
    def needs(self) -> frozenset[str]:
        """Public images and the known defence, one model, batches of one, and the range of inputs."""
        return frozenset(
            {"batch_size", "batch_of_one", "buffers", "input_range", "known_update", "one_model", "public_images"}
        )

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names what is missing.
        """
        super().check(seen)
        assert seen.public is not None
        if len(seen.public) < _FEWEST:
            raise NotApplicable(
                f"attack LearningToInvert needs at least {_FEWEST} public images, and {len(seen.public)} are granted"
            )

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstructions of all victims; the network is trained at the first call of a cell.

        Args:
            seen: see `Attack.reconstruct`.
            seed: of the network, the hashing and the random numbers of the defence on public images.
        """
        self.check(seen)
        begin = time.perf_counter()
        if self._learned is None or not self._learned.serves(seen, seed):
            self._learned = self._learn(seen, seed)
        low, high = seen.task.input_range or (0.0, 1.0)
        # One by one, because the rounding of a product of matrices depends on the number of rows.
        alone = torch.arange(len(seen), device=seen.ids.device).split(1)
        rows = torch.cat([self._learned.read({n: g[v] for n, g in seen.gradients.items()}) for v in alone])
        inputs = low + (high - low) * rows.view(-1, 1, *seen.task.input_shape)
        labels = torch.full(inputs.shape[:2], -1, dtype=torch.long, device=inputs.device)
        status = [Status.CONVERGED if finite else Status.NONFINITE for finite in rows.isfinite().all(1).tolist()]
        found = Reconstruction.of_claim(seen.ids, inputs, labels, status)
        seconds = (time.perf_counter() - begin) / max(len(seen), 1)
        yield replace(found, seconds=torch.full_like(found.seconds, seconds))

    def _learn(self, seen: Observation, seed: int) -> _Inverter:
        public = seen.public
        assert public is not None and public.update is not None
        count = len(public) if self.images is None else min(self.images, len(public))
        hashed = FeatureHash(self.bins, seed)
        draws = PublicFeatures(seen, hashed, seed).draws(self.draws, count)
        standardised = Standardised.of(torch.cat(draws))
        low, high = seen.task.input_range or (0.0, 1.0)
        targets = ((public.images[:count].flatten(1) - low) / (high - low)).float()
        network = self.train_network([standardised(one) for one in draws], targets, seed)
        weights = {name: value[0].clone() for name, value in seen.parameters.items()}
        return _Inverter(public.update, seed, weights, hashed, standardised, network)
