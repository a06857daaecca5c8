"""CoLA (Warstadt, Singh, Bowman 2019, arXiv 1805.12471): sentences from linguistics papers, acceptable or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.datamodules.hub_text import HubText


@dataclass(eq=False, repr=False, kw_only=True)
class CoLA(HubText):
    """1,043 validation and 8,551 train sentences of 8 words on average; label 0 is unacceptable, 1 acceptable.

    CoLA is part of GLUE, whose test labels are not public.
    """

    hub: ClassVar[str] = "nyu-mll/glue"
    revision: ClassVar[str] = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
    subset: ClassVar[str | None] = "cola"
    folder: ClassVar[str] = "cola"
    splits: ClassVar[tuple[str, ...]] = ("validation", "train")

    def lines_of(self, table: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[int] | None]:
        """Returns the columns `sentence` and `label` of the table."""
        return list(table["sentence"]), list(table["label"])
