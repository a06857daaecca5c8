"""WikiText-2 (Merity et al. 2016, arXiv 1609.07843): good and featured articles of Wikipedia, for language models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.datamodules.hub_text import HubText


@dataclass(eq=False, repr=False, kw_only=True)
class WikiText(HubText):
    """The paragraphs of the raw version, split into sentences; without labels, so the set serves language models."""

    hub: ClassVar[str] = "Salesforce/wikitext"
    revision: ClassVar[str] = "b08601e04326c79dfdd32d625aee71d232d685c3"
    subset: ClassVar[str | None] = "wikitext-2-raw-v1"
    folder: ClassVar[str] = "wikitext"
    splits: ClassVar[tuple[str, ...]] = ("test", "validation", "train")
    ending: ClassVar[str] = ".txt"

    def lines_of(self, table: Mapping[str, Sequence[Any]]) -> tuple[list[str], list[int] | None]:
        """Returns the sentences of the column `text`, whose entries are paragraphs or headings, and no labels."""
        return [sentence for paragraph in table["text"] for sentence in sentences_of(paragraph)], None


def sentences_of(paragraph: str) -> list[str]:
    """Splits a paragraph after ` . `, ` ! ` and ` ? `, which are surrounded by blanks in this dataset.

    Headings (` = Title = `) and empty lines have no sentences.

    Example:
        >>> sentences_of(" The book ends . It was new ! ")
        ['The book ends .', 'It was new !']
        >>> sentences_of(" = = Reception = = ")
        []
    """
    text = paragraph.strip()
    if not text or text.startswith("= "):
        return []
    return [sentence.strip() for sentence in re.split(r"(?<= [.!?])\s", text) if sentence.strip()]
