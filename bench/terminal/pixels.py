"""Images in a terminal: two pixels per character, as half blocks in true colour."""

from collections.abc import Mapping, Sequence
from typing import TextIO

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.text import Text

_UPPER = "\u2580"


def can_draw(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that shows half blocks in colour.

    Args:
        stream: where the output goes.
        environment: of the process; `NO_COLOR` and `TERM=dumb` say no.
    """
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    plain = "NO_COLOR" in environment or environment.get("TERM", "dumb") == "dumb"
    return stream.isatty() and encoding == "utf8" and not plain


def half_blocks(images: Sequence[np.ndarray], gap: int = 2) -> Text:
    """Images side by side, each character one pixel wide and two high.

    Args:
        images: `[H, W, 3]` each, float in [0, 1], all of one size.
        gap: blanks between two images.
    """
    height = images[0].shape[0]
    out = Text(no_wrap=True, end="")
    for top in range(0, height, 2):
        for at, image in enumerate(images):
            out.append(" " * (gap if at else 0))
            for column in range(image.shape[1]):
                below = _colour(image[top + 1, column]) if top + 1 < height else None
                out.append(_UPPER, Style(color=_colour(image[top, column]), bgcolor=below))
        out.append("\n")
    return out


def smaller(image: np.ndarray, width: int) -> np.ndarray:
    """An image that is at most `width` pixels wide and high, by taking the mean of square blocks.

    Args:
        image: `[H, W, 3]`.
        width: the most pixels along either side.

    >>> smaller(np.arange(12.0).reshape(2, 2, 3), 1).tolist()
    [[[4.5, 5.5, 6.5]]]
    """
    block = -(-max(image.shape[:2]) // width)
    height, across = (max(1, side // block) for side in image.shape[:2])
    kept = image[: height * block, : across * block]
    size = (min(block, kept.shape[0]), min(block, kept.shape[1]))
    return kept.reshape(height, size[0], across, size[1], 3).mean((1, 3))


def _colour(pixel: np.ndarray) -> Color:
    red, green, blue = (round(255 * float(value)) for value in pixel)
    return Color.from_rgb(red, green, blue)
