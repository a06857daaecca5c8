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
    """

    name: str
    kind: str
    weight: str | None = None
    bias: str | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    slope: float = 0.0


@dataclass(frozen=True)
class PatchAttention:
    """The start of a vision transformer, whose first attention layer reads h = [class token; patches P + b] + E.

    Args:
        position: name of the learned position embedding E, `[1, T, D]` or `[T, D]`.
        patch: name of the weight P of the convolution that embeds patches, `[D, C, p, p]`, with stride p.
        patch_bias: name of its bias b, or None.
        token: name of the class token that stands first, or None.
        attention: names of the weights of query, key and value, `[D, D]` each, or one `[3 D, D]` if they are fused.
        skips: whether h also goes around the first attention layer.
        normalise: names of the buffers mean and std that normalise images before they are embedded, or None.
    """

    position: str
    patch: str
    patch_bias: str | None
    token: str | None
    attention: tuple[str, ...]
    skips: bool
    normalise: tuple[str, str] | None
