"""SST-2 (Socher et al. 2013): sentences and phrases of film reviews, negative or positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.datamodules.hub_text import HubText


@dataclass(eq=False, repr=False, kw_only=True)
class SST2(HubText):
    """872 validation sentences, and 67,349 phrases to train on; label 0 is negative, 1 positive.

    SST-2 is part of GLUE, whose test labels are not public. Cite: Socher et al., Recursive Deep Models for Semantic
    Compositionality Over a Sentiment Treebank, 2013.
    """

    hub: ClassVar[str] = "stanfordnlp/sst2"
    revision: ClassVar[str] = "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb"
    subset: ClassVar[str | None] = None
    folder: ClassVar[str] = "sst2"
    splits: ClassVar[tuple[str, ...]] = ("validation", "train")

    def lines_of(self, table: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[int] | None]:
        """Returns the columns `sentence` and `label` of the table."""
        return list(table["sentence"]), list(table["label"])
