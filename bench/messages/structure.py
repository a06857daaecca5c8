"""What is public about the layers of a model, for attacks that invert them one by one."""

from __future__ import annotations

from dataclasses import dataclass

CONVOLUTION, LINEAR, FLATTEN, NORMALISE, IDENTITY = "convolution", "linear", "flatten", "normalise", "identity"


@dataclass(frozen=True)
class ChainLayer:
    """One layer of a model whose layers follow one another.

    Args:
        name: of the module in the model.
        kind: `convolution`, `linear`, `flatten`, `normalise` (buffers `mean` and `std`), `identity`, the name of an
            activation (`bench.models.activations`), or the name of a class of which nothing more is known.
        weight: name of the weight, or None.
        bias: name of the bias, or None.
        stride: of a convolution, down and across.
        padding: of a convolution, zeros above and below, and at both sides.
        slope: of a leaky ReLU, the factor of negative values; of an ELU, the depth of its floor.
        window: of a max-pooling whose windows of this height and width lie side by side, without padding; else None.
        eps: of a BatchNorm that uses its running statistics (buffers `running_mean` and `running_var`) and has a weight
            and a bias, what is added to the variance; else None.
    """

    name: str
    kind: str
    weight: str | None = None
    bias: str | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    slope: float = 0.0
    window: tuple[int, int] | None = None
    eps: float | None = None


@dataclass(frozen=True)
class Norm:
    """A LayerNorm, u = (h - mean of h) / sqrt(variance of h + eps) * weight + bias.

    Args:
        weight: name of the weight `[D]`.
        bias: name of the bias `[D]`.
        eps: what is added to the variance.
    """

    weight: str
    bias: str
    eps: float


@dataclass(frozen=True)
class PatchAttention:
    """The start of a vision transformer: what its first attention layer reads.

    The tokens are h = [class token; P patch_1 + b; P patch_2 + b; ...] + E `[T, D]`, where a patch is its pixels
    `[C, p, p]`, flattened, and patches follow row by row.

    Args:
        position: name of the learned position embedding E, `[T, D]` or `[1, T, D]`.
        token: name of the class token that stands first, D entries, or None if there is none.
        patch: name of P, `[D, C p p]` or `[D, C, p, p]`.
        bias: name of b, or None.
        side: p.
        readers: names of the weights `[.., D]` of the linear layers that read the tokens: query, key and value.
        norm: the LayerNorm through which they read the tokens, or None.
        only: whether the loss depends on the tokens by way of the readers only (no skip connection).
        normalise: names of the buffers mean and std by which images are normalised beforehand, or None.
    """

    position: str
    token: str | None
    patch: str
    bias: str | None
    side: int
    readers: tuple[str, ...]
    norm: Norm | None
    only: bool
    normalise: tuple[str, str] | None
