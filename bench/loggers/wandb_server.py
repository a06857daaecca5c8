"""Where the server of W&B is, and whether there is a key for it. Nobody is asked for one."""

from __future__ import annotations

import os

import wandb
from requests.utils import get_netrc_auth


def address() -> str:
    """The address of the server."""
    return os.environ.get("WANDB_BASE_URL") or wandb.setup().settings.base_url


def has_key() -> bool:
    """Whether there is a key: in the environment, or in the netrc file that `wandb login` writes."""
    named = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")
    return any(os.environ.get(name) for name in named) or get_netrc_auth(address()) is not None
