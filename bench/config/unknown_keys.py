"""What is said of a key that no config has."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.config.suggest import did_you_mean, key_did_you_mean
from bench.errors import UnknownKeyError, UserError


def has(cfg: DictConfig, key: str) -> bool:
    """Whether a config has the dotted key."""
    node: Any = cfg
    for part in key.split("."):
        content = node._content if isinstance(node, DictConfig) else None
        if not isinstance(content, dict) or part not in content:
            return False
        node = content[part]
    return True


def is_free(cfg: DictConfig, key: str) -> bool:
    """Whether the key lies below a mapping that is empty in its file (`model.arguments: {}`), so any key may follow."""
    above = key.split(".")
    for length in range(len(above) - 1, 0, -1):
        prefix = ".".join(above[:length])
        if has(cfg, prefix):
            node = OmegaConf.select(cfg, prefix)
            return isinstance(node, DictConfig) and not node
    return False


def unknown(key: str, cfg: DictConfig, groups: list[str]) -> UserError:
    """The error that says which key there is instead.

    Args:
        key: the dotted key that was typed.
        cfg: a config without it.
        groups: the names of all groups.
    """
    if "." not in key:
        near = did_you_mean(key, groups)
        if near:
            return UserError(f"no group or key {key!r}{near} (there are {', '.join(groups)})")
    keys = [leaf for leaf in leaves(OmegaConf.to_container(cfg, resolve=False)) if not leaf.startswith("hydra.")]
    top = key.split(".")[0]
    inside = [leaf for leaf in keys if leaf.startswith(f"{top}.") and not leaf.endswith("._target_")]
    names = list(dict.fromkeys(leaf.split(".")[1] for leaf in inside))
    there = (
        f"{top} has {', '.join(names)}"
        if names
        else f"there are {', '.join(str(name) for name in cfg if name != 'hydra')}"
    )
    return UnknownKeyError(f"no key {key!r}{key_did_you_mean(key, inside or keys)} ({there})", key)


def leaves(container: Any, key: str = "") -> list[str]:
    """The dotted keys of all values.

    >>> leaves({"attack": {"lr": 1, "step": {"tries": 2}}, "seed": 0})
    ['attack.lr', 'attack.step.tries', 'seed']
    """
    if not isinstance(container, dict) or not container:
        return [key]
    return [leaf for name, item in container.items() for leaf in leaves(item, f"{key}.{name}" if key else str(name))]
