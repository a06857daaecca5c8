"""What an attack that undoes a change of the examples has to know: the one defence that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.errors import NotApplicable
from bench.messages.observation import Observation

_CHANGING = ("batch", "sample", "update")  # levels of defences that change examples, or take several steps of them


def only_change(seen: Observation, defense: str, attack: str, change: str, hint: str) -> Mapping[str, Any]:
    """What is known of the defence that changes the examples.

    Args:
        seen: what the attacker observes, with the client's defences.
        defense: the class of the defence that the attack undoes.
        attack: the attack, in words.
        change: what the defence does to examples, in words.
        hint: how one asks for such a client.

    Raises:
        NotApplicable: the client does not change its examples in this way alone, once, and in one step.
    """
    parts = [part for part in seen.defense or () if part["level"] in _CHANGING]
    if [part["defense"] for part in parts] != [defense]:
        raise NotApplicable(
            f"{attack} needs a client that {change} of one step, and changes them in no other way ({hint})"
        )
    return parts[0]
