"""Features of what a client with the known defences would share of public images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.gradient_features import FeatureHash
from bench.engine.rng import seed_of
from bench.host import signals
from bench.messages.observation import Observation

_AT_ONCE = 128  # images whose whole gradients are in memory at a time, before they are hashed


@dataclass(frozen=True, eq=False)
class PublicFeatures:
    """Computes what a client would share of public images, one image per batch, as features.

    Args:
        seen: an observation whose public images have an `update`, and whose victims share one model.
        hashed: maps gradients to features.
        seed: of the random numbers of the defence.
    """

    seen: Observation
    hashed: FeatureHash
    seed: int

    def draw(self, number: int, count: int) -> Tensor:
        """Returns the features `[count, F]` of the first `count` images, by the draw `number` of random numbers."""
        public = self.seen.public
        assert public is not None and public.update is not None
        parameters, buffers = ({n: v[0] for n, v in tree.items()} for tree in (self.seen.parameters, self.seen.buffers))
        like = next(iter(self.seen.gradients.values()))
        seed, found = seed_of(self.seed, "draw", number), []
        for ids in torch.arange(count, device=public.images.device).split(_AT_ONCE):
            signals.check()
            batches = public.images[ids, None].to(like.dtype), public.labels[ids, None]
            shared = public.update(parameters, buffers, *batches, ids, seed)
            found.append(self.hashed({name: shared[name] for name in self.seen.gradients}))
        return torch.cat(found)

    def draws(self, most: int, count: int) -> list[Tensor]:
        """Returns `most` draws, each as from `draw`; only one if the defence draws no random numbers.

        That is found out by a second draw of the first images.
        """
        found = [self.draw(0, count)]
        few = min(count, _AT_ONCE)
        if most == 1 or torch.equal(self.draw(1, few), found[0][:few]):
            return found
        return found + [self.draw(number, count) for number in range(1, most)]
