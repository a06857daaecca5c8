"""The image of a vision transformer from the span of its first attention's gradients, whatever stands around it (our
own, after APRIL, Lu et al. 2022, arXiv 2112.14087, and DAGER, Petrov et al. 2024, arXiv 2405.15586).
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.attacks.exact.patch_attack import PatchAttack
from bench.attacks.exact.patches import Patches
from bench.errors import NotApplicable
from bench.messages.observation import Observation


class PatchSpan(PatchAttack):
    """Solves for each patch as the one whose token lies in the span of the first attention's gradients.

    This attack is our own. It has from APRIL (Lu et al. 2022, arXiv 2112.14087) that positions are known, and from
    DAGER (Petrov et al. 2024, arXiv 2405.15586) that the gradient of a weight is spanned by the inputs of its layer.

    dL/dW_q, dL/dW_k and dL/dW_v are sums of rows (..) u_t^T over the T tokens u_t that attention reads, so that their
    rows span all u_t. Let N `[D - T, D]` be the orthogonal complement of that span, so N u_t = 0. Without a LayerNorm,
    u_t = P x_t + b + e_t with the patch x_t and its position e_t, and so

        N P x_t = -N (b + e_t)

    are D - T linear equations for the C p p pixels of the patch. With a LayerNorm, u_t = (h_t - m_t) / s_t * g + k with
    unknown mean m_t and deviation s_t, and the equations stay linear: for the complement N of the span whose columns
    are divided by g,

        N P x_t - m_t N 1 + s_t N (k / g) = -N (b + e_t).

    So neither a LayerNorm nor a skip connection protects, and the gradient of the positions is not needed. The attack
    needs tokens that are wide enough, D >= T + C p p (+ 1 or 2 with a LayerNorm), a batch of one, and a second layer of
    attention, since only the class token is read behind the last one. A claim counts if its gradient is the shared one;
    otherwise, the victim has failed and has no image. Everything is computed in float64, whatever the engine's type.
    """

    @property
    def needs(self) -> frozenset[str]:
        """One example, buffers, patches with positions, and a last layer for the label."""
        needs = {"batch_size", "batch_of_one", "buffers", "patches", "patches_shared"}
        return frozenset(needs | {"last_linear", "last_layer_shared"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the need that is not met, or the width that does not suffice.
        """
        super().check(seen)
        patches = Patches.of(seen, 0)
        patches.check_embedding("PatchSpan")
        count, width = patches.positions.shape
        pixels = patches.weight.shape[1]
        unknowns = pixels + len(_of_norm(patches))
        if width - count < unknowns:
            raise NotApplicable(
                f"attack PatchSpan needs wider tokens: {count} tokens of {width} entries leave "
                f"{max(0, width - count)} equations per patch for {unknowns} unknowns (model.width, model.patch)"
            )

    def tokens(self, patches: Patches) -> Tensor | None:
        """The tokens of the patches `[N, D]`, or None if the equations leave a patch open."""
        rows = torch.cat([own for _, own in patches.readers])
        if not rows.isfinite().all():
            return None
        norm = patches.norm
        if norm is not None:
            if not (norm[0] != 0).all():
                return None
            rows = rows / norm[0]
        _, _, right = torch.linalg.svd(rows, full_matrices=True)
        complement = right[len(patches.positions) :]  # [D - T, D]
        columns = torch.cat([patches.weight, *(column[:, None] for column in _of_norm(patches))], 1)
        matrix = complement @ columns
        values = torch.linalg.svdvals(matrix)
        if not values[-1] > self.rank_tolerance * values[0]:
            return None
        solved = torch.linalg.lstsq(matrix, -complement @ patches.known.T).solution  # [unknowns, N]
        pixels = solved[: patches.weight.shape[1]]
        return (patches.weight @ pixels).T + patches.known


def _of_norm(patches: Patches) -> list[Tensor]:
    """The directions `[D]` that a LayerNorm adds to a token: its mean and, if the norm has a bias, its deviation."""
    if patches.norm is None:
        return []
    weight, bias = patches.norm
    mean = torch.ones_like(weight)
    return [mean, bias / weight] if (bias != 0).any() else [mean]
