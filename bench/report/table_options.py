"""What a table for a paper shows: a preset of configs/table, and the options of the command line over it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from bench.config import options as catalogue
from bench.config.suggest import did_you_mean
from bench.errors import UserError

LABELS = ("attack", "data", "model", "defense", "threat")
STANDING = ("division", "origin", "leakbench")  # where a row stands and comes from
WORDS = (*LABELS, "B", "seed", "setting", "victims", "failed", "rank", "paper", *STANDING)
SORTED_BY = (*LABELS, "B", "seed")  # the columns by whose words rows are sorted
CHOSEN_BY = (*SORTED_BY, *STANDING)  # the columns by whose words rows are chosen
GROUPS = ("data", "model", "defense", "attack", "B", "seed")
_CHOICES = {
    "order": ("best", "worst"),
    "best": ("attack", "defense", None),
    "intervals": ("small", "pm", "none"),
    "seeds": ("each", "mean"),
    "width": ("one", "two"),
}
_DIGITS = 12


@dataclass(frozen=True)
class TableOptions:
    """The keys of configs/table, whose presets say what each is for, and the columns that nobody asked for by name.

    Args:
        preset_columns: columns that only the preset names; those that no row has are left out.
    """

    columns: list[str]
    rows: dict[str, list[str]]
    group: list[str]
    sort: str | None
    order: str
    best: str | None
    controls: bool
    precision: int | None
    intervals: str
    seeds: str
    width: str
    caption: str | None
    label: str | None
    titles: dict[str, str]
    cite: bool
    preset_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key, known in _CHOICES.items():
            if getattr(self, key) not in known:
                words = ", ".join("null" if word is None else word for word in known)
                raise UserError(f"table: {key}={getattr(self, key)}: want one of {words}")
        _words("columns", self.columns)
        _words("group", self.group)
        for word in self.group:
            _known("group", word, GROUPS)
        for word in self.rows:
            _known("rows", word, CHOSEN_BY)
            _words(f"rows.{word}", self.rows[word])
        if not self.columns:
            raise UserError("table: columns: name at least one, such as attack,psnr")
        if len(set(self.columns)) < len(self.columns):
            raise UserError(f"table: columns={','.join(self.columns)}: names a column twice")
        if self.precision is not None and not 0 <= self.precision <= _DIGITS:
            raise UserError(f"table: precision={self.precision}: want 0 to {_DIGITS} digits after the point")


def options(preset: str, given: Mapping[str, Any], config_dir: Path | None = None) -> TableOptions:
    """A preset with what the command line changes in it.

    Args:
        preset: the name of a file of configs/table, without `.yaml`.
        given: `{key: value}`.
        config_dir: a folder with presets of the user's own in its folder `table`.

    Raises:
        UserError: there is no such preset, or a key or a value is wrong.
    """
    found = catalogue.entries("table", config_dir)
    if preset not in found:
        raise catalogue.no_such("table", preset, config_dir)
    path = found[preset].path
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    names = [each.name for each in fields(TableOptions) if each.name != "preset_columns"]
    if not isinstance(content, dict):
        raise UserError(f"{path}: want keys and values ({', '.join(names)})")
    for key in content:
        if key not in names:
            raise UserError(f"{path}: no key {key!r}{did_you_mean(str(key), names)} (there are {', '.join(names)})")
    default = {} if preset == "default" else yaml.safe_load(found["default"].path.read_text(encoding="utf-8"))
    whole = default | content | dict(given)
    for key, kind in (("rows", dict), ("titles", dict), ("columns", list), ("group", list)):
        if not isinstance(whole[key], kind):
            raise UserError(f"{path}: {key}: want a {'list' if kind is list else 'mapping'}, not {whole[key]!r}")
    for key, one in (("precision", int), ("caption", str), ("label", str), ("sort", str)):
        if whole[key] is not None and (not isinstance(whole[key], one) or isinstance(whole[key], bool)):
            raise UserError(f"{path}: {key}: want {one.__name__} or null, not {whole[key]!r}")
    rows = {
        key: [str(one) for one in (value if isinstance(value, list) else [value])]
        for key, value in whole["rows"].items()
    }
    by_preset = () if "columns" in given else tuple(whole["columns"])
    return TableOptions(**{**whole, "rows": rows}, preset_columns=by_preset)


def _words(key: str, words: Any) -> None:
    for word in words:
        if not isinstance(word, str) or not word:
            raise UserError(f"table: {key}: want names, not {word!r}")


def _known(key: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise UserError(f"table: {key}: no column {word!r}{did_you_mean(word, known)} (there are {', '.join(known)})")
