"""What a cell is about, as texts that can be compared: its victims, its defence, and everything beside the defence."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bench.modalities.lookup import modality_of
from bench.results.identity import class_names
from bench.results.stored_cell import Kind, StoredCell

# Grants that an adaptive attacker has on top of a threat model. Cells that differ in these only share a board.
ADAPTIVE = ("defense_known", "local_training")


def config_of(cell: StoredCell, group: str) -> Mapping[str, Any]:
    """The config of one group; empty if it is unknown."""
    return (cell.facts.get("config") or {}).get(group) or {}


def data_config(cell: StoredCell) -> dict[str, Any]:
    """The config of the data, without the keys that do not change any victim."""
    return {key: value for key, value in config_of(cell, "data").items() if key not in ("victims", "root")}


def victims_of(cell: StoredCell) -> str:
    """Which victims a cell is about, as a text: cells with the same text have the same examples, dealt alike."""
    # The words of a sentence depend on the model's vocabulary too.
    vocabulary = config_of(cell, "model") if modality_of(cell.facts).tokenized else None
    return plain([cell.facts["labels"]["data"], data_config(cell), contents(cell)["data"], vocabulary])


def contents(cell: StoredCell) -> dict[str, Any]:
    """The hashes of the contents that the config only names: the examples and the model's weights."""
    known = cell.facts.get("contents") or {}
    pretrained = known.get("pretrained")
    weights = pretrained if isinstance(pretrained, dict) else {}
    of_model = {key: value for key, value in weights.items() if key.startswith("model.")}
    return {"data": known.get("data"), "checkpoint": known.get("checkpoint"), "pretrained": of_model}


def model_and_victims(cell: StoredCell) -> str:
    """Everything that decides what is shared, except the defence, as a text."""
    config = cell.facts.get("config") or {}
    shared = [cell.facts["labels"]["data"], cell.facts["labels"]["model"], config.get("seed"), config.get("model")]
    return plain([*shared, data_config(cell), contents(cell)])


def setting_of(cell: StoredCell, without: Collection[str]) -> str:
    """Everything that the cells of one board of defences have in common, as a text.

    Args:
        cell: the cell of an attack.
        without: grants of the threat model that do not count.
    """
    grants = (cell.facts.get("threat") or {}).get("grants") or {}
    granted = {key: value for key, value in grants.items() if key not in without}
    return plain([model_and_victims(cell), granted])


def defense_of(facts: Mapping[str, Any]) -> str:
    """The config of the defence as a text, or its name if the config is unknown."""
    return plain((facts.get("config") or {}).get("defense") or facts["labels"]["defense"])


def beside(cells: Iterable[Kind], like: StoredCell) -> dict[str, Kind]:
    """The cells about the model and the victims of another cell, `{defence: cell}` (see `defense_of`).

    Args:
        cells: cells of one kind.
        like: the other cell.
    """
    return {defense_of(cell.facts): cell for cell in cells if model_and_victims(cell) == model_and_victims(like)}


def plain(value: Any) -> str:
    """A part of a config as a text; a class of leakbench that has moved to another file is the same class."""
    return json.dumps(class_names(value), sort_keys=True)
