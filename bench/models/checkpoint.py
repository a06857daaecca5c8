"""Loads weights from a file: safetensors, or a pickle that torch opens with `weights_only=True`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import UserError
from bench.storage.hashing import sha256

_ENTRIES = ("state_dict", "model_state_dict", "model")  # names under which checkpoints keep the weights
_PREFIXES = ("module.", "model.", "_orig_mod.", "_module.")  # of DataParallel, Lightning, torch.compile, Opacus

State = dict[str, Tensor]


def load(model: nn.Module, path: str, tell: Callable[[str], None] = lambda sentence: None) -> str:
    """Loads the file into `model`, strictly, and returns the SHA-256 of the file.

    The weights may be an entry of a checkpoint (`state_dict`, `model_state_dict`, `model`). Their names may begin with
    the prefix of a wrapper (`module.`, `model.`, `_orig_mod.`, `_module.`), which is removed if the names are then
    exactly those of the model. Other parts of the wrapper (such as a loss with weights) are left out.

    Args:
        model: receives the weights.
        path: path of the file.
        tell: called with a sentence about what was removed and left out.

    Raises:
        UserError: the file is missing, unreadable or holds no weights, or its names or shapes are not those of the
            model.
    """
    file = _file(path)
    wanted = set(model.state_dict())
    named = [one for state in _states(_read(file, path), path) for one in _renamed(state)]
    chosen = max(named, key=lambda one: (set(one.state) == wanted, len(wanted & set(one.state))))
    try:
        model.load_state_dict(chosen.state)
    except RuntimeError as error:
        first = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
        raise UserError(f"model.checkpoint={path!r} does not fit the model: {first[0]}") from error
    if chosen.prefix:
        tell(f"model.checkpoint={path!r}: {chosen}")
    return sha256(file)


def hyperparameters(path: str) -> dict[str, Any]:
    """The arguments of a LightningModule that `save_hyperparameters` left in a checkpoint; empty if there are none.

    Raises:
        UserError: the file is missing or cannot be read.
    """
    content = _read(_file(path), path)
    found = content.get("hyper_parameters") if isinstance(content, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def _file(path: str) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"model.checkpoint={path!r}: no such file")
    if not file.stat().st_size:
        raise UserError(f"model.checkpoint={path!r}: the file is empty (0 bytes)")
    return file


@dataclass(frozen=True)
class _Renamed:
    """Weights with a prefix removed, and the names of those that did not have the prefix."""

    state: State
    prefix: str = ""
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        rest = f"; {', '.join(self.others)} left out" if self.others else ""
        return f"the prefix {self.prefix!r} of the names in it was stripped{rest}"


def _read(file: Path, path: str) -> Any:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has its own errors for a broken file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model.checkpoint={path!r}: cannot be read ({reason})") from error


def _states(content: Any, path: str) -> list[State]:
    """Returns what in the file may be the weights: entries of it, or all of it.

    Raises:
        UserError: nothing in it can be weights.
    """
    inside = [content.get(entry) for entry in _ENTRIES] if isinstance(content, Mapping) else []
    states = [dict(one) for one in (*inside, content) if _is_state(one)]
    if states:
        return states
    if isinstance(content, Mapping):
        what = f"a mapping with the keys {', '.join(str(key) for key in list(content)[:5]) or '(none)'}"
    else:
        what = f"a {type(content).__name__}"
    raise UserError(
        f"model.checkpoint={path!r} holds no weights but {what}: want a state_dict, {{name: tensor}}, or one under "
        f"{', '.join(_ENTRIES)}"
    )


def _is_state(content: Any) -> bool:
    if not isinstance(content, Mapping) or not content:
        return False
    return all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())


def _renamed(state: State, prefix: str = "", others: tuple[str, ...] = ()) -> Iterator[_Renamed]:
    """Yields the weights as they are named, then those inside each prefix, and inside each prefix in these."""
    yield _Renamed(state, prefix, others)
    for own in _PREFIXES:
        inside = {name.removeprefix(own): value for name, value in state.items() if name.startswith(own)}
        if inside:
            rest = tuple(prefix + name for name in state if not name.startswith(own))
            yield from _renamed(inside, prefix + own, others + rest)
