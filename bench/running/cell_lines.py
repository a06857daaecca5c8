"""The line that a suite prints when a cell has ended: state, attack, data, what else it varies, score and time."""

from collections.abc import Sequence

_STATES = ("done", "failed", "not applicable")
_NAMED = ("attack=", "data=", "data.set=")  # choices that the names of attack and data say already
_WIDE = 36  # characters; a longer name does not widen the column of all others


class CellLines:
    """The lines of one suite, whose columns are as wide as its names.

    Args:
        cells: `(title, (attack, data))` of each cell; the title is the choices of the grid that make the cell.
    """

    def __init__(self, cells: Sequence[tuple[str, tuple[str, str]]]) -> None:
        self._cells = [(attack, data, _further(title)) for title, (attack, data) in cells]
        columns = list(zip(*self._cells))
        self._widths = [max((len(word) for word in column if len(word) <= _WIDE), default=0) for column in columns]

    def line(self, index: int, state: str, came: str, seconds: float | None) -> str:
        """The line of a cell.

        Args:
            index: the position of the cell.
            state: `done`, `failed` or `not applicable`.
            came: its score, or the reason why it has none.
            seconds: how long it took; None if it is not known, and then no time is printed.
        """
        words = [f"{state:<{max(map(len, _STATES))}}"]
        words += [f"{word:<{width}}" for word, width in zip(self._cells[index], self._widths) if width or word]
        return "  ".join([*words, came, *([] if seconds is None else [_time(seconds)])])


def _further(title: str) -> str:
    """The choices of a title that the names of attack and data do not say."""
    return " ".join(
        word for word in title.split() if not word.startswith(_NAMED) and word not in ("training", "the", "cell")
    )


def _time(seconds: float) -> str:
    """A time in seconds, with a digit behind the point if it is short.

    >>> _time(3.14159), _time(314.159)
    ('3.1 s', '314 s')
    """
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"
