"""APRIL: the image of a vision transformer in closed form (Lu et al. 2022, arXiv 2112.14087, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.patch_attack import PatchAttack
from bench.attacks.exact.patches import Patches
from bench.errors import NotApplicable
from bench.messages.observation import Observation


class April(PatchAttack):
    """Solves for the tokens that the first attention layer reads, by the gradient of the positions.

    Let h `[T, D]` be the tokens, positions E included, and G = dL/dE `[T, D]`. If the first attention is all that reads
    h, then dL/dh = G, and

        G^T h = W_q^T dL/dW_q + W_k^T dL/dW_k + W_v^T dL/dW_v        (proposition 1)

    whose right side is known. G has rank T if D >= T, so least squares give h. Without E and the class token, these are
    the embedded patches, and the patches follow by least squares from the embedding, whose rank has to be that of the
    pixels of a patch. The label is inferred from the last layer.

    The attack needs a model without a LayerNorm before the first attention and without a skip connection around it
    (`model=vit_tiny model.first_norm=false model.first_skip=false`), and a second layer, since G has too small a rank
    in a network of one. A claim counts if its gradient is the shared one; otherwise, the victim has failed and has no
    image.

    Departs: everything is computed in float64, whatever the engine's type. The layers that read h are found by what
    they read, and their number does not matter.
    """

    @property
    def needs(self) -> frozenset[str]:
        """One example, buffers, patches with positions whose gradient is shared, and a last layer for the label."""
        needs = {"batch_size", "batch_of_one", "buffers", "patches", "patches_shared", "positions_shared"}
        return frozenset(needs | {"patches_only", "last_linear", "last_layer_shared"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the need that is not met, or the rank that does not suffice.
        """
        super().check(seen)
        patches = Patches.of(seen, 0)
        patches.check_embedding("APRIL")
        count, width = patches.positions.shape
        if count > width:
            raise NotApplicable(
                f"attack APRIL needs tokens that are at least as wide as there are tokens: {count} tokens of {width} "
                "entries leave the equations open (model.width, model.patch)"
            )

    def tokens(self, patches: Patches) -> Tensor | None:
        """The tokens h `[T, D]`, or None if the gradient of the positions has too small a rank."""
        slope = patches.position_gradient
        right: Tensor = sum(weight.T @ own for weight, own in patches.readers)  # type: ignore[assignment]
        if not (slope.isfinite().all() and right.isfinite().all()):
            return None
        values = torch.linalg.svdvals(slope)
        if not values[-1] > self.rank_tolerance * values[0]:
            return None
        return torch.linalg.lstsq(slope.T, right, driver="gelsd" if slope.device.type == "cpu" else None).solution
