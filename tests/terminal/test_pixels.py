"""Half blocks have the colours of the pixels that they stand for, and appear only where a terminal can show them."""

import io

import numpy as np
import pytest

from bench.terminal.pixels import can_draw, half_blocks, smaller


class _Terminal(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_a_character_is_two_pixels() -> None:
    image = np.zeros((3, 2, 3))
    image[0, 1], image[1, 1], image[2, 0] = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    found = half_blocks([image, image], gap=1)
    assert found.plain == "▀▀ ▀▀\n▀▀ ▀▀\n"
    styles = [span.style for span in found.spans if found.plain[span.start] == "▀"]
    assert styles[1].color.triplet == (255, 0, 0) and styles[1].bgcolor.triplet == (0, 255, 0)
    assert styles[4].color.triplet == (0, 0, 255) and styles[4].bgcolor is None  # an odd height ends in half a line


@pytest.mark.parametrize("shape", [(28, 28), (33, 20), (250, 250), (1, 3)])
def test_a_smaller_image_fits_and_keeps_its_mean(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 0.25)
    found = smaller(image, 32)
    assert max(found.shape[:2]) <= 32 and found.shape[2] == 3
    assert found == pytest.approx(0.25)


def test_only_a_terminal_with_colours_is_drawn_on() -> None:
    assert can_draw(_Terminal(), {"TERM": "xterm-256color"})
    assert not can_draw(_Terminal(), {"TERM": "dumb"})
    assert not can_draw(_Terminal(), {"TERM": "xterm", "NO_COLOR": "1"})
    assert not can_draw(_Terminal(), {})
    assert not can_draw(io.StringIO(), {"TERM": "xterm"})
