"""A small vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929), with the options that APRIL needs."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models.differentiable_norms import LayerNorm
from bench.models.initialise import uniform
from bench.models.normalise import first_layer

_POSITIONS = 0.02  # standard deviation of the class token and the positions at the start, as in the code of ViT


class Attention(nn.Module):
    """Self-attention of several heads, as matrix products and a softmax, which can be differentiated twice."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def forward(self, z: Tensor) -> Tensor:
        """`[B, tokens, D]` -> `[B, tokens, D]`."""
        query, key, value = (
            layer(z).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )  # [B, heads, tokens, D / heads]
        weights = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1)
        return self.output((weights @ value).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and two linear layers with GELU, each behind a LayerNorm and with a skip connection.

    Args:
        width: D.
        heads: attention heads, a divisor of D.
        feed_forward: width between the two linear layers.
        norm: whether a LayerNorm stands before the attention.
        skip: whether there are skip connections.
    """

    def __init__(self, width: int, heads: int, feed_forward: int, norm: bool, skip: bool) -> None:
        super().__init__()
        self.attention_norm = LayerNorm(width) if norm else nn.Identity()
        self.attention = Attention(width, heads)
        self.norm = LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, feed_forward), nn.GELU(), nn.Linear(feed_forward, width))
        self.skip = skip

    def forward(self, z: Tensor) -> Tensor:
        """`[B, tokens, D]` -> `[B, tokens, D]`."""
        for norm, inner in ((self.attention_norm, self.attention), (self.norm, self.feed_forward)):
            found = inner(norm(z))
            z = z + found if self.skip else found
        return z


class ViT(nn.Module):
    """Patches as tokens with learnable positions, a class token, layers of attention, and a linear layer.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. The first token is the class token, and the patches follow row by
    row. A patch enters as its pixels `[C, patch, patch]`, flattened.

    APRIL (Lu et al. 2022, arXiv 2112.14087, architecture A) solves for the inputs of the first attention, which needs
    `first_norm` and `first_skip` to be false: nothing may stand between the positions and the attention, and the
    gradient of the positions has to come through the attention alone. It also needs a second layer, because only the
    class token is read behind the last one, and the gradient of the positions of a single layer has a rank of at most
    2 * heads + 1. And it needs at least as many entries per token (`width`) as there are tokens, and as a patch has
    pixels.

    Args:
        patch: side of a patch in pixels, a divisor of H and W.
        width: D, entries of a token.
        layers: layers of attention, >= 1.
        heads: attention heads per layer, a divisor of `width`.
        feed_forward: inner width of the feed-forward layers, >= 1.
        first_norm: whether a LayerNorm stands before the attention of the first layer.
        first_skip: whether the first layer has skip connections.
        init_range: r; weights and biases are drawn from U(-r, r); null for PyTorch's own initialisation.
        mean: mean, one number for all channels or one per channel, for a normalisation as the first layer; null for
            none.
        std: standard deviation, likewise; null for none.
        shape: `(C, H, W)` of an input.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        patch: int,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        first_norm: bool,
        first_skip: bool,
        init_range: float | None,
        mean: float | Sequence[float] | None,
        std: float | Sequence[float] | None,
        *,
        shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        channels, height, columns = shape
        if patch < 1 or height % patch or columns % patch:
            raise ValueError(
                f"patch={patch}: must be a divisor of {height} and {columns} (the side of a patch in pixels)"
            )
        if min(width, layers, heads, feed_forward) < 1 or width % heads:
            raise ValueError(
                f"width={width}, layers={layers}, heads={heads}, feed_forward={feed_forward}: must all be >= 1, and "
                "heads a divisor of width"
            )
        self.patch = patch
        self.normalise = first_layer(mean, std, channels)
        self.embedding = nn.Linear(channels * patch * patch, width)
        self.class_token = nn.Parameter(_POSITIONS * torch.randn(width))
        self.positions = nn.Parameter(_POSITIONS * torch.randn(1 + (height // patch) * (columns // patch), width))
        first = Layer(width, heads, feed_forward, first_norm, first_skip)
        self.layers = nn.Sequential(first, *(Layer(width, heads, feed_forward, True, True) for _ in range(1, layers)))
        self.norm = LayerNorm(width)
        self.fc = nn.Linear(width, classes)
        uniform(self, init_range)

    def tokens(self, x: Tensor) -> Tensor:
        """The inputs of the first layer: `[B, C, H, W]` in [0, 1] -> `[B, tokens, D]`."""
        x = self.normalise(x)
        rows = x.unflatten(3, (-1, self.patch)).unflatten(2, (-1, self.patch))  # [B, C, rows, patch, columns, patch]
        patches = self.embedding(rows.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2))
        return torch.cat([self.class_token.expand(len(x), 1, -1), patches], 1) + self.positions

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.norm(self.layers(self.tokens(x)))[:, 0])
