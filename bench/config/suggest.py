"""Finds near matches: the word that a misspelt word was probably meant to be."""

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str], count: int = 1) -> list[str]:
    """Up to `count` of `words` that look like `word`, best first; case does not matter.

    Args:
        word: the misspelt word.
        words: the known words.
        count: the most words that are returned.

    >>> nearest("idgl", ["dlg", "idlg", "mean"])
    ['idlg']
    """
    known = {w.lower(): w for w in words}
    found = difflib.get_close_matches(word.lower(), known, n=count, cutoff=0.6)
    return [known[w] for w in found]


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The half sentence that follows an unknown word; empty if no known word is near.

    >>> did_you_mean("idgl", ["dlg", "idlg"])
    "; did you mean 'idlg'?"
    """
    found = nearest(word, words)
    return f"; did you mean {found[0]!r}?" if found else ""


def key_did_you_mean(key: str, keys: Iterable[str]) -> str:
    """The same half sentence for dotted keys. A key with the same last part comes before a key that looks alike.

    >>> key_did_you_mean("victims", ["data.victims", "data.size"])
    "; did you mean 'data.victims'?"
    >>> key_did_you_mean("attack.lrr", ["attack.lr", "model.width"])
    "; did you mean 'attack.lr'?"
    """
    keys = list(keys)
    last = key.rpartition(".")[2]
    same = [k for k in keys if k.rpartition(".")[2] == last]
    best = nearest(key, same) or same[:1] or nearest(key, keys)
    if not best:
        parts = {k.rpartition(".")[2]: k for k in keys}
        best = [parts[p] for p in nearest(last, parts)]
    return f"; did you mean {best[0]!r}?" if best else ""
