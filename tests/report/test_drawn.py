"""A picture carries a stamp of what it shows, by which it is kept, and only if it is whole."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from bench.report import drawn

STAMP = drawn.stamp("a", 1)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG that matplotlib wrote, as the report's pictures are."""
    path = tmp_path / "a.png"
    canvas = FigureCanvasAgg(Figure(figsize=(1, 1)))
    with path.open("wb") as file:
        canvas.print_png(file, metadata=drawn.metadata(STAMP))
    return path


def test_a_stamp_follows_from_what_is_shown_and_from_nothing_else() -> None:
    assert drawn.stamp({"a": 1, "b": [2.5]}) == drawn.stamp({"b": [2.5], "a": 1})
    assert len({drawn.stamp(*shown) for shown in (("a", 1), ("a", 2), ("a",), ("a1",), (1, "a"), ([1, "a"],))}) == 6
    assert drawn.stamp(Path("x")) == drawn.stamp("x")


def test_a_whole_picture_with_its_stamp_is_kept(picture: Path) -> None:
    assert drawn.kept(picture, STAMP) and not drawn.kept(picture, drawn.stamp("b"))
    assert "Software" not in Image.open(picture).info  # another version of matplotlib draws the same file


@pytest.mark.parametrize("damage", ["cut", "longer", "text", "gone", "a folder", "no stamp"])
def test_anything_else_is_drawn_again(picture: Path, damage: str) -> None:
    content = picture.read_bytes()
    picture.unlink()
    if damage == "a folder":
        picture.mkdir()
    elif damage == "no stamp":
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(picture)
    elif damage != "gone":
        picture.write_bytes({"cut": content[:-1], "longer": content + b"x", "text": b"text"}[damage])
    assert not drawn.kept(picture, STAMP)
