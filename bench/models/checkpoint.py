"""Weights from a file: safetensors, or a pickle that torch opens with `weights_only=True`."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import UserError
from bench.hashing import sha256


def load(model: nn.Module, path: str) -> str:
    """Loads the file into `model`, strictly, and returns the SHA-256 of the file.

    A Lightning checkpoint (`state_dict` inside) is taken as well.

    Raises:
        UserError: the file is missing, unreadable, or its names or shapes are not the model's.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"model.checkpoint={path!r}: no such file")
    try:
        state: dict[str, Tensor]
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)  # type: ignore[assignment]
    except Exception as error:  # each format has its own errors for a broken file
        raise UserError(f"model.checkpoint={path!r}: cannot be read ({str(error).splitlines()[0]})") from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        first = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
        raise UserError(f"model.checkpoint={path!r} does not fit the model: {first[0]}") from error
    return sha256(file)
