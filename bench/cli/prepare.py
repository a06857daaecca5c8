"""Fetches data sets, LPIPS backbones and pretrained models, and says what this machine has and lacks.

No other part of leakbench downloads anything, except for a model that the user names on a hub (model=huggingface).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, say, show
from bench.config import options
from bench.config.suggest import did_you_mean
from bench.errors import UserError

BACKBONES, MODELS = "lpips", ("text", "efficientnet_lite0")  # the names that can be prepared besides the data sets


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
    """The names that can be prepared: the data sets of configs/data, `lpips`, `text` (MiniLM), `efficientnet_lite0`."""
    return [*options.entries("data", config_dir), BACKBONES, *MODELS]


def answer(arguments: argparse.Namespace) -> Answer:
    """Fetches what the user names; without a name, prints what this machine has and lacks."""
    given = [word for word in arguments.names if "=" not in word or word.startswith("data=")]
    overrides = [word for word in arguments.names if word not in given]
    for word in given:
        _check_name(word.removeprefix("data="), arguments.config_dir)
    if not given:
        for item in survey(overrides, arguments.config_dir):
            show(f"{item.name:<17}{item.state:<9}{item.remark}")
        show("fetch with: leakbench prepare NAME")
        return 0, None
    for name in given:
        try:
            item = fetch(name, overrides, arguments.config_dir)
        except UserError as error:
            if not arguments.forgiving:
                raise
            say(f"going on without {name}: {' '.join(str(error).split())}")
        else:
            show(f"{item.name}: {item.remark}")
    return 0, None


def _check_name(name: str, config_dir: Path | None) -> None:
    known = names(config_dir)
    if name not in known:
        raise UserError(f"nothing called {name!r} to prepare{did_you_mean(name, known)} (there are {', '.join(known)})")


def survey(overrides: list[str], config_dir: Path | None = None) -> list[Item]:
    """Says of each name whether it is on this machine, without touching the network.

    Raises:
        UserError: an override is wrong.
    """
    return [_look(name, overrides, config_dir) for name in names(config_dir)]


def fetch(name: str, overrides: list[str], config_dir: Path | None = None) -> Item:
    """Fetches one data set, the LPIPS backbones, or a model's weights, unless they are on this machine already.

    Args:
        name: one of `names`; `data=NAME` is understood as well.
        overrides: overrides of the config, such as `data.root=DIR`, `data.split=train` or `paths.weights=DIR`.
        config_dir: a folder with options of the user's own.

    Raises:
        UserError: there is no such name, or the files cannot be fetched; the sentence gives the reason and says how to
            put the files there by hand.
    """
    name = name.removeprefix("data=")
    _check_name(name, config_dir)
    if name == BACKBONES:
        from bench.metrics import backbones

        folder = _weights(overrides, config_dir)
        sources = backbones.fetch_missing(folder)
        return Item(name, "here", "; ".join(f"{net}: {folder} ({source})" for net, source in sources.items()))
    if name in MODELS:
        from bench.cli import pretrained

        title, model = pretrained.KNOWN[name]
        folder = _weights(overrides, config_dir) / title
        return Item(name, "here", f"{title}: {folder} ({pretrained.fetch(model, folder)})")
    data = _data(name, overrides, config_dir)
    data.prepare()
    if not data.present():
        raise UserError(data.absent())
    return Item(name, "here", data.where())


def _weights(overrides: list[str], config_dir: Path | None) -> Path:
    from bench.config.compose import (
        compose,  # here and below: a mistake in a name is told before anything heavy is read
    )

    return Path(compose(overrides, config_dir).paths.weights)


def _look(name: str, overrides: list[str], config_dir: Path | None) -> Item:
    if name in MODELS:
        from bench.cli import pretrained

        title, model = pretrained.KNOWN[name]
        folder = _weights(overrides, config_dir) / title
        lacking = model.missing(folder)
        return Item(name, "lacking" if lacking else "here", f"{title}: {'not in ' * bool(lacking)}{folder}")
    if name == BACKBONES:
        from bench.metrics import backbones

        folder = _weights(overrides, config_dir)
        found = backbones.status(folder)
        remark = "; ".join(f"{net}: {path or f'not in {folder}'}" for net, path in found.items())
        return Item(name, "here" if all(found.values()) else "lacking", remark)
    try:
        data = _data(name, overrides, config_dir)
    except UserError as error:
        return Item(name, "yours", str(error))  # a key has no value: the user gives data.root for pictures of their own
    return Item(name, "here", data.where()) if data.present() else Item(name, "lacking", data.absent())


def _data(name: str, overrides: list[str], config_dir: Path | None) -> Any:
    from omegaconf import OmegaConf

    from bench.config.compose import compose
    from bench.config.instantiate import instantiate

    cfg = compose([f"data={name}", *overrides], config_dir)
    return instantiate(OmegaConf.to_container(cfg.data), "data")
