"""Whose claims an ensemble of attacks returned: the number of victims by member."""

from collections import Counter

from bench.results.query import Rows


def members(rows: Rows) -> dict[str, int]:
    """How many victims have the claim of each member, the most first; empty for an attack that is no ensemble.

    Args:
        rows: the rows of a cell. Parts that were written before there were ensembles have no such column.
    """
    if "member" not in rows.victims.column_names:
        return {}
    names = sorted(name for name in rows.victims["member"].to_pylist() if name is not None)
    return dict(Counter(names).most_common())


def in_words(found: dict[str, int]) -> str:
    """The counts in words.

    >>> in_words({"angle": 5, "relu": 3})
    'angle 5, relu 3'
    """
    return ", ".join(f"{name} {count}" for name, count in found.items())
