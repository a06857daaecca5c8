"""Sentences that come with the package, in `public_domain.tsv` beside this file.

They are short sentences of stories (Austen, Barrie, Baum, the Brontes, Carroll, Dickens, Doyle, Grahame, Joyce,
Kipling, Melville, Poe, Shakespeare, Shelley, Stoker, Tolstoy, Twain, Wilde) and of essays, speeches and verse (Bacon,
Burke, Carlyle, Darwin, Douglass, Emerson, Franklin, Henry, Hume, Johnson, Lincoln, Locke, Milton, Paine, Pascal, Pope,
Ruskin, Shakespeare, Thoreau, Wollstonecraft). All were published before 1928 and are in the public domain; they are
quoted from memory.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bench.datamodules.text_lines import Lines, read_lines

FILE = Path(__file__).with_name("public_domain.tsv")


@cache
def packaged() -> Lines:
    """Returns the 64 sentences, of the classes `essay` and `story`, 32 of each."""
    return read_lines(FILE)
