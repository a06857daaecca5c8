"""Images as data URIs: one PNG per private image holds all its iterates, one below the other."""

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from bench.report.figures import pixels


@dataclass
class Truths:
    """The private images of a page, each once, because many attacks reconstruct the same ones.

    Args:
        uris: a data URI per image.
    """

    uris: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def place(self, image: np.ndarray) -> int:
        """Where in `uris` an image `[C, H, W]` stands; it is added if it is new."""
        uri = strip([image])
        key = hashlib.sha256(uri.encode()).hexdigest()
        if key not in self._places:
            self._places[key] = len(self.uris)
            self.uris.append(uri)
        return self._places[key]


def strip(images: Sequence[np.ndarray]) -> str:
    """A data URI of one PNG with all `images` `[C, H, W]`, the first one at the top. Nothing is lost beyond 8 bits."""
    values = np.concatenate([np.round(pixels(image) * 255).astype(np.uint8) for image in images])
    gray = (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all()
    out = io.BytesIO()
    Image.fromarray(values[..., 0] if gray else values).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def chosen(count: int, most: int) -> list[int]:
    """At most `most` of the places 0, 1, ..., `count - 1`, evenly, with the first and the last.

    >>> chosen(10, 4), chosen(3, 8), chosen(5, 0)
    ([0, 3, 6, 9], [0, 1, 2], [])
    """
    if count <= most:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, most).round()] if most > 1 else [count - 1][:most]
