"""A grid of cells: expanded and checked as a whole, then run one after the other."""

import itertools
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from bench import catalogue
from bench.build import instantiate
from bench.config import compose
from bench.errors import NotApplicable, UnknownKeyError, UserError
from bench.progress import bars, console
from bench.schema import check_as

_TOKEN = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")


@dataclass
class Suite:
    """configs/suite/NAME.yaml.

    Args:
        grid: axes; each a list of choices, each choice one or more overrides separated by spaces. Cells are their
            product, the last axis running fastest.
        overrides: for every cell.
    """

    grid: list[list[str]]
    overrides: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Planned:
    """A cell that is checked and not yet run: what it was made of, and its config."""

    title: str
    config: DictConfig


@dataclass
class Outcome:
    """What a suite came to: documents of the cells that ran, {title: reason} of those that do not apply or failed."""

    cells: list[dict[str, Any]] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def load(name: str, config_dir: Path | None = None) -> Suite:
    """The suite of this name.

    Raises:
        UserError: there is none, or its file is not of the form above.
    """
    known = catalogue.entries("suite", config_dir)
    if name not in known:
        raise catalogue.no_such("suite", name, config_dir)
    path = known[name].path
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}:{mark.line + 1 if mark else 1}: not valid YAML") from None
    suite = check_as(Suite, found, str(path))
    if not suite.grid or not all(suite.grid):
        raise UserError(f"{path}: grid: want at least one axis, and at least one choice on each")
    return suite


def plan(name: str, overrides: list[str], config_dir: Path | None = None) -> list[Planned]:
    """The cells of a suite, each composed and checked.

    What the user says of a group (`attack=idlg`) or of a key replaces what the grid says of it, keys below that group
    included; cells that become equal are run once. A key that only some cells have (`attack.evaluations=500`, which a
    control has not) is set in those.

    Raises:
        UserError: a cell cannot be composed, or its data set is not on this machine: before anything has run.
    """
    suite = load(name, config_dir)
    said = {override.partition("=")[0].lstrip("+~") for override in overrides}
    cells: list[Planned] = []
    strangers: dict[str, UserError] = {}  # overrides that no cell has taken so far
    taken: set[str] = set()
    for choice in itertools.product(*suite.grid):
        tokens = [token for text in choice for token in _TOKEN.findall(text) if not _replaced(token, said)]
        title = " ".join(tokens) or "the cell"
        try:
            config, used = _compose_with(overrides, [*suite.overrides, *tokens], config_dir, name, strangers)
        except UserError as error:
            raise UserError(f"{error} [suite {name}, cell {title}]") from None
        if all(config != other.config for other in cells):
            cells.append(Planned(title, config))
        taken.update(used)
    for override, refusal in strangers.items():
        if override not in taken:
            raise refusal
    _data_present(cells)
    return cells


def _compose_with(
    overrides: list[str], base: list[str], config_dir: Path | None, suite: str, strangers: dict[str, UserError]
) -> tuple[DictConfig, list[str]]:
    """A cell with those of the user's overrides whose key it has, and which these are; the others join `strangers`."""
    used = list(overrides)
    while True:
        try:
            return compose([*base, *used], config_dir, suite=suite), used
        except UnknownKeyError as error:
            unknown = [o for o in used if o.partition("=")[0] == error.key]
            if not unknown:
                raise
            strangers |= dict.fromkeys(unknown, error)
            used = [o for o in used if o not in unknown]


def run(cells: list[Planned], run_cell: Callable[[DictConfig], dict[str, Any]], record: Callable[..., None]) -> Outcome:
    """Runs the cells in turn; one that fails does not stop those after it.

    Args:
        cells: of `plan`.
        run_cell: config -> JSON document of the cell.
        record: `(config, status, reason)` keeps on record that a cell as a whole has no result.

    Returns:
        What came of each.
    """
    outcome = Outcome()
    with bars() as progress:
        bar = progress.add_task("cells", total=len(cells), note="")
        for number, cell in enumerate(cells, 1):
            progress.update(bar, note=cell.title)
            word = _run_one(cell, run_cell, record, outcome)
            console.print(f"cell {number} of {len(cells)}  {cell.title}  {word}", markup=False, soft_wrap=True)
            progress.advance(bar)
    return outcome


def _run_one(cell: Planned, run_cell: Callable, record: Callable, outcome: Outcome) -> str:
    try:
        document = run_cell(cell.config)
    except NotApplicable as error:
        outcome.not_applicable[cell.title] = str(error)
        record(cell.config, "not_applicable", str(error))
        return f"not applicable: {error}"
    except UserError as error:
        reason = str(error)
    except Exception as error:  # a fault of one cell must not cost the others their night
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        console.print(traceback.format_exc(), style="dim", markup=False)
    else:
        outcome.cells.append(document)
        rate = document["success_rate"]["1e-2"]
        return f"success at MSE 1e-2: {rate['mean']:.2f}" if rate else "done"
    outcome.failed[cell.title] = reason
    record(cell.config, "error", reason)
    return f"failed: {reason}"


def _replaced(token: str, said: set[str]) -> bool:
    key = token.partition("=")[0].lstrip("+~")
    return key in said or any("." not in group and key.startswith(f"{group}.") for group in said)


def _data_present(cells: list[Planned]) -> None:
    """Every data set of the suite is on this machine: known before the first cell, not after a night."""
    absent: dict[str, None] = {}
    seen: list[Any] = []
    for cell in cells:
        node = OmegaConf.to_container(cell.config.data)
        if node not in seen:
            seen.append(node)
            data = instantiate(node, "data")
            if hasattr(data, "present") and not data.present():
                absent[data.absent()] = None
    if absent:
        raise UserError("; ".join(absent))
