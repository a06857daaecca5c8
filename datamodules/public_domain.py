"""Sentences that come with the package: `public_domain.tsv` beside this file.

Short sentences of stories (Austen, Barrie, Baum, the Brontes, Carroll, Dickens, Doyle, Grahame, Joyce, Kipling,
Melville, Poe, Shakespeare, Shelley, Stoker, Tolstoy, Twain, Wilde) and of essays, speeches and verse (Bacon, Burke,
Carlyle, Darwin, Douglass, Emerson, Franklin, Henry, Hume, Johnson, Lincoln, Locke, Milton, Paine, Pascal, Pope, Ruskin,
Shakespeare, Thoreau, Wollstonecraft), all published before 1928 and in the public domain; quoted as remembered.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bench.datamodules.text_lines import Lines, read_lines

FILE = Path(__file__).with_name("public_domain.tsv")


@cache
def packaged() -> Lines:
    """The 64 sentences; classes `essay` and `story`, 32 of each."""
    return read_lines(FILE)
