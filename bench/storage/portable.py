"""Replaces absolute paths by their last names, so that results do not reveal the folders of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

# An absolute path within a longer text, at its start or after a character that ends a word.
_PATH = re.compile(r"""(?<![^\s=:,;'"(\[{<])(?:~[^/\s]*/|/(?!/))[^\s=:,;'"()\[\]{}<>]*""")
_SCHEME = re.compile(r"file://(?=/)")


def portable(value: Any) -> Any:
    """A plain value (mappings, sequences, text, numbers) in which the last name stands for each absolute path.

    >>> portable({"root": "/home/jo/my pictures", "model": "net (checkpoint=/home/jo/runs/best.pt)", "results": "out"})
    {'root': 'my pictures', 'model': 'net (checkpoint=best.pt)', 'results': 'out'}
    """
    if isinstance(value, Mapping):
        return {name: portable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    return _shortened(value) if isinstance(value, str) else value


def _shortened(text: str) -> str:
    text = _SCHEME.sub("", text)
    if (os.path.isabs(text) or re.match(r"~[\w.-]*/", text)) and not _goes_on(text):
        return _name(text)
    return _PATH.sub(lambda found: _name(found[0]) if _is_path(found[0]) else found[0], text)


def _goes_on(text: str) -> bool:
    """Whether a path is followed by something else: the rest of a sentence, or another path."""
    return len(_PATH.findall(text)) > 1 or bool(re.search(r"[:;,]\s|\)$", text))


def _is_path(text: str) -> bool:
    return text.startswith("~") or text.count("/") > 1


def _name(path: str) -> str:
    bare = path.rstrip("/")
    return "~" if bare == os.path.expanduser("~") else os.path.basename(bare) or path
