"""Checks of configured values, whose messages name the key."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from bench.errors import UserError


def check_integer(key: str, value: object, least: int, meaning: str) -> None:
    """Refuses a value that is not an integer, or is below `least`.

    Args:
        key: the config's key.
        value: the value to check.
        least: the smallest allowed value.
        meaning: what the number means, for the message.

    Raises:
        UserError: the message names the key, the bound and the meaning.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{key}={value}: must be an integer ({meaning})")
    if value < least:
        raise UserError(f"{key}={value}: must be >= {least} ({meaning})")


def check_word(key: str, value: object, words: Sequence[str]) -> None:
    """Refuses a value that is not one of `words`.

    Args:
        key: the config's key.
        value: the value to check.
        words: the allowed words.

    Raises:
        UserError: the message names the key, the words and the nearest one.
    """
    if value in words:
        return
    near = difflib.get_close_matches(str(value), words, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise UserError(f"{key}={value}: must be one of {', '.join(words)}{hint}")


def given_path(key: str, value: object, meaning: str) -> Path:
    """Returns the path that the user named, with `~` resolved.

    Args:
        key: the config's key.
        value: the value of the key; None or `???` if it is not set.
        meaning: what the path should name, for the message.

    Raises:
        UserError: no path was named.
    """
    text = str(value).strip() if value is not None else ""
    if text in ("", "???"):
        raise UserError(f"{key} is not set; say {key}=PATH ({meaning})")
    return Path(text).expanduser()


def check_share(key: str, value: object, meaning: str) -> None:
    """Refuses a value that is not a number from 0 to 1.

    Args:
        key: the config's key.
        value: the value to check.
        meaning: what the number means, for the message.

    Raises:
        UserError: the message names the key and the meaning.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"{key}={value}: must be a number from 0 to 1 ({meaning})")
