"""Images from which dummy images start."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.rng import draw

_NOISE = 0.02  # makes restarts differ; in units of the range of inputs
_PATCHES = {"patch_2x2": 2, "patch_4x4": 4}
COLOURS = ("red", "green", "blue")
_LEVELS = {"gray": 0.5, "dark": 0.0, "light": 1.0}
PLAIN = ("gray", "uniform", "normal", "dark", "light")  # those that need neither height and width nor a colour
STARTS = ("gray", "uniform", "normal", *_PATCHES, "dark", "light", *COLOURS)


def start_images(start: str, shape: tuple[int, ...], seed: int, victim: int, restart: int) -> Tensor:
    """Draws one victim's first images `[B, C, H, W]`, float32, in [0, 1] unless `start` is `normal`.

    Args:
        start: `gray`, `dark`, `light`: even images of 0.5, 0 and 1, with noise of 0.02 around or beside it. `red`,
            `green`, `blue`: one of three channels is 1 and the others 0, with the same noise. `uniform`, `normal`: each
            pixel is drawn. `patch_2x2`, `patch_4x4`: a patch of uniform pixels, repeated in a grid of 2 x 2 or 4 x 4
            (Wei et al. 2020, arXiv 2004.10397); the last row and column are cut if the size is no multiple.
        shape: `(B, C, H, W)`.
        seed: seed of the attacker's random numbers.
        victim: number of the victim.
        restart: number of the run.
    """
    kind = "normal" if start == "normal" else "uniform"
    drawn = draw(kind, shape, seed, "dummy images", victim, restart)
    if start in ("uniform", "normal"):
        return drawn
    if start in _PATCHES:
        return _tiled(drawn, _PATCHES[start])
    if start == "gray":
        return 0.5 + _NOISE * (drawn - 0.5)
    level = torch.full_like(drawn, _LEVELS.get(start, 0.0))
    if start in COLOURS:
        level[:, COLOURS.index(start)] = 1.0
    return level + _NOISE * drawn * (1 - 2 * level)  # noise points into the range


def _tiled(images: Tensor, times: int) -> Tensor:
    """Repeats the upper left corner of `[B, C, H, W]`, of 1/times of the height and width, over the whole image."""
    height, width = images.shape[-2:]
    patch = images[..., : -(-height // times), : -(-width // times)]
    return patch.repeat(1, 1, times, times)[..., :height, :width].contiguous()
