"""Fetches data sets, LPIPS backbones and a language model, and says what this machine has and lacks.

No other part of leakbench downloads anything, except for a model that the user names on a hub (model=huggingface).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from bench.cli import pretrained
from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.config.suggest import did_you_mean
from bench.errors import UserError
from bench.models.text import minilm

BACKBONES, LANGUAGE = "lpips", "text"  # the names that can be prepared besides the data sets


@dataclass(frozen=True)
class Item:
    """A data set or a set of weights that can be prepared, and whether it is on this machine.

    Args:
        name: the name that `leakbench prepare` takes.
        state: `here`, `lacking`, or `yours` if the user has to give its place.
        remark: its place, or what the user has to do.
    """

    name: str
    state: str
    remark: str


def names(config_dir: Path | None = None) -> list[str]:
    """The names that can be prepared: every data set of configs/data, `lpips`, and `text` (the weights of MiniLM)."""
    return [*options.entries("data", config_dir), BACKBONES, LANGUAGE]


def survey(overrides: list[str], config_dir: Path | None = None) -> list[Item]:
    """Says of each name whether it is on this machine, without touching the network.

    Raises:
        UserError: an override is wrong.
    """
    return [_look(name, overrides, config_dir) for name in names(config_dir)]


def fetch(name: str, overrides: list[str], config_dir: Path | None = None) -> Item:
    """Fetches one data set, the LPIPS backbones, or MiniLM, unless they are on this machine already.

    Args:
        name: one of `names`; `data=NAME` is understood as well.
        overrides: overrides of the config, such as `data.root=DIR`, `data.split=train` or `paths.weights=DIR`.
        config_dir: a folder with options of the user's own.

    Raises:
        UserError: there is no such name, or the files cannot be fetched; the sentence gives the reason and says how to
            put the files there by hand.
    """
    name = name.removeprefix("data=")
    known = names(config_dir)
    if name not in known:
        raise UserError(f"nothing called {name!r} to prepare{did_you_mean(name, known)} (there are {', '.join(known)})")
    if name == BACKBONES:
        from bench.metrics import backbones

        folder = Path(compose(overrides, config_dir).paths.weights)
        sources = backbones.fetch_missing(folder)
        return Item(name, "here", "; ".join(f"{net}: {folder} ({source})" for net, source in sources.items()))
    if name == LANGUAGE:
        folder = _language(overrides, config_dir)
        return Item(name, "here", f"minilm: {folder} ({pretrained.fetch(folder)})")
    data = _data(name, overrides, config_dir)
    data.prepare()
    if not data.present():
        raise UserError(data.absent())
    return Item(name, "here", data.where())


def _language(overrides: list[str], config_dir: Path | None) -> Path:
    return Path(compose(overrides, config_dir).paths.weights) / minilm.NAME


def _look(name: str, overrides: list[str], config_dir: Path | None) -> Item:
    if name == LANGUAGE:
        folder = _language(overrides, config_dir)
        lacking = minilm.missing(folder)
        return Item(name, "lacking" if lacking else "here", f"minilm: {'not in ' * bool(lacking)}{folder}")
    if name == BACKBONES:
        from bench.metrics import backbones

        folder = Path(compose(overrides, config_dir).paths.weights)
        found = backbones.status(folder)
        remark = "; ".join(f"{net}: {path or f'not in {folder}'}" for net, path in found.items())
        return Item(name, "here" if all(found.values()) else "lacking", remark)
    try:
        data = _data(name, overrides, config_dir)
    except UserError as error:
        return Item(name, "yours", str(error))  # a key has no value: the user gives data.root for pictures of their own
    return Item(name, "here", data.where()) if data.present() else Item(name, "lacking", data.absent())


def _data(name: str, overrides: list[str], config_dir: Path | None) -> Any:
    cfg = compose([f"data={name}", *overrides], config_dir)
    return instantiate(OmegaConf.to_container(cfg.data), "data")
