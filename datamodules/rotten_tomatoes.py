"""Rotten Tomatoes (Pang, Lee 2005, arXiv cs/0506075): sentences of film reviews, negative or positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.datamodules.hub_text import HubText


@dataclass(eq=False, repr=False, kw_only=True)
class RottenTomatoes(HubText):
    """1,066 test, 1,066 validation and 8,530 train sentences of 21 words on average; 0 is negative, 1 positive."""

    hub: ClassVar[str] = "cornell-movie-review-data/rotten_tomatoes"
    revision: ClassVar[str] = "aa13bc287fa6fcab6daf52f0dfb9994269ffea28"
    subset: ClassVar[str | None] = None
    folder: ClassVar[str] = "rotten_tomatoes"
    splits: ClassVar[tuple[str, ...]] = ("test", "validation", "train")

    def lines_of(self, table: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[int] | None]:
        """Returns the columns `text` and `label` of the table."""
        return list(table["text"]), list(table["label"])
