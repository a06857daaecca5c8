"""The cells of a suite's file as overrides, before any of them is composed."""

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.config.common_keys import common_keys
from bench.running.suite_file import Suite

# groups that only an attack looks at, and those that only a training does
_OF_LEAKS = frozenset({"attack", "labels", "measure", "metric", "threat"})
_OF_TRAININGS = frozenset({"training"})
# groups of those above that what is measured of the labels depends on
_OF_LABELS = frozenset({"labels", "threat"})
ALONE = "the cell"  # the title of a cell without choices
_TOKEN = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")


@dataclass(frozen=True)
class Choice:
    """A cell of a suite's file.

    Args:
        title: what it was made of.
        overrides: all that the suite says of it.
        training: whether it is a training.
        name: of a training whose weights other cells use; None for every other cell.
        blind: the groups that such a cell does not look at.
    """

    title: str
    overrides: list[str]
    training: bool = False
    name: str | None = None
    blind: frozenset[str] = _OF_TRAININGS

    def sees(self, override: str) -> bool:
        """Whether an override is of a group that such a cell looks at."""
        return group_of(override) not in self.blind


def choices(suite: Suite, said: Collection[str], common: Collection[str] = ()) -> Iterator[Choice]:
    """The cells of a file: first trainings, then the grid's product, cells beside it, measures, and other trainings.

    Args:
        suite: the file.
        said: keys and groups of which the user's own overrides speak; what the file says of them is left out.
        common: keys that all options of their group have. What the file says of them stays if the user names an option
            of the group, unless the file says it of an option of its own (`data=mnist data.batch_size=2`).
    """

    def tokens_of(texts: Iterable[str]) -> list[str]:
        return [token for text in texts for token in _left(_TOKEN.findall(text), said, common)]

    general = [token for text in suite.overrides for token in _TOKEN.findall(text)]
    trained = [token for token in general if group_of(token) not in _OF_LEAKS]
    for name, text in suite.trainings.items():
        yield Choice(f"training {name}", [*trained, *tokens_of([text])], True, name, _OF_LEAKS)
    # what the user says may leave choices that are the same: each is composed once
    grid = list(map(list, dict.fromkeys(tuple(tokens_of(choice)) for choice in itertools.product(*suite.grid))))
    for tokens in grid:
        yield Choice(" ".join(tokens) or ALONE, [*general, *tokens])
    for tokens in (tokens_of([text]) for text in suite.also):
        measures = [token.partition("=")[2] for token in tokens if group_of(token) == "measure"]
        blind = _blind(measures[0]) if measures else _OF_TRAININGS
        yield Choice(" ".join(tokens) or ALONE, [*general, *tokens], blind=blind)
    tokens_left = ([token for token in tokens if group_of(token) not in _OF_LEAKS] for tokens in grid)
    shares = list(dict.fromkeys(map(tuple, tokens_left)))
    for text, shared in itertools.product(suite.measures, shares):
        measure, *own = _TOKEN.findall(text)
        own, blind = tokens_of(own), _blind(measure)
        seen = [token for token in general if group_of(token) not in blind]
        title = " ".join([measure, *own, *shared])
        yield Choice(title, [*seen, *shared, f"measure={measure}", *own], blind=blind)
    for shared in shares if suite.utility else ():
        title, overrides = " ".join(["training", *shared]), [*trained, *shared, *tokens_of(suite.utility)]
        yield Choice(title, overrides, True, blind=_OF_LEAKS)


def spoken_of(overrides: Iterable[str], config_dir: Path | None) -> tuple[set[str], frozenset[str]]:
    """The keys and groups of which overrides speak, and the keys that all options of these groups have."""
    said = {_key(override) for override in overrides}
    return said, frozenset().union(*(common_keys(group, config_dir) for group in said if "." not in group))


def group_of(token: str) -> str:
    """The group of an override: `attack` of `attack.lr=1`."""
    return _key(token).partition(".")[0]


def _key(token: str) -> str:
    return token.partition("=")[0].lstrip("+~")


def _blind(measure: str) -> frozenset[str]:
    """The groups that a cell does not look at which measures something and attacks nothing."""
    return (_OF_LEAKS - _OF_LABELS if measure == "labels" else _OF_LEAKS) | _OF_TRAININGS


def _left(tokens: list[str], said: Collection[str], common: Collection[str]) -> list[str]:
    """Those of a choice's overrides that the user's own do not replace."""
    keys = [_key(token) for token in tokens]
    own = {group_of(key) for key in keys if "." not in key}
    return [
        token
        for token, key in zip(tokens, keys)
        if key not in said and (group_of(key) not in said or (key in common and group_of(key) not in own))
    ]
