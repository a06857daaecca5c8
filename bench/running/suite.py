"""A grid of cells, expanded and checked as a whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.config import display_names
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.config.sweep import combinations
from bench.errors import AbsentData, UnknownKeyError, UserError
from bench.results import plans
from bench.running.kind import kind_of
from bench.running.suite_choices import ALONE, choices, spoken_of
from bench.running.suite_file import Suite, load
from bench.running.suite_trainings import Weights, point, weights_of
from bench.terminal import transcript


@dataclass(frozen=True)
class Planned:
    """A cell that is checked and not yet run.

    Args:
        title: what it was made of.
        config: its config.
        weights: which weights of the suite's trainings it uses; None if it uses none.
        first: whether it is a training whose weights other cells use.
    """

    title: str
    config: DictConfig
    weights: Weights | None = None
    first: bool = False


def plan(name: str, overrides: list[str], config_dir: Path | None = None, *, to_run: bool = True) -> list[Planned]:
    """The cells of a suite, each composed and checked. See `planned`."""
    return planned(load(name, config_dir), name, overrides, config_dir, to_run=to_run)


def planned(
    suite: Suite, name: str, overrides: list[str], config_dir: Path | None = None, *, to_run: bool = True
) -> list[Planned]:
    """The cells of a grid, each composed and checked.

    What the user says of a group or of a key replaces what the grid says of it (see `choices`). Cells that become equal
    are run once. An override with several values (`seed=0,1`) repeats the grid with each of them. A key that only some
    cells have (`attack.evaluations=500`, which a control has not) is set in those.

    Args:
        suite: the grid.
        name: what the suite is called in messages, plans and loggers.
        overrides: what the user says.
        config_dir: a folder with options of the user's own.
        to_run: whether the data sets have to be on this machine.

    Raises:
        UserError: a cell cannot be composed, or its data set is not on this machine: before anything has run.
    """
    said, common = spoken_of(overrides, config_dir)
    first: list[Planned] = []  # trainings
    cells: list[Planned] = []
    seen: list[Any] = []  # their resolved configs, and those of the trainings of their weights
    strangers: dict[str, UserError] = {}  # overrides that no cell has taken so far
    taken: set[str] = set()
    absent: dict[str, None] = {}  # a sentence for each data set that is lacking
    combined = combinations(overrides)
    for combination in combined:
        trainings: dict[str, Planned] = {}  # by their names in the file
        for choice in choices(suite, said, common):
            own = [override for override in combination.overrides if choice.sees(override)]
            swept = [override for override in combination.swept if override in own]
            weights = None
            try:
                config, used = _compose_with(own, choice.overrides, config_dir, name, strangers, to_run=to_run)
                if not choice.training and not absent:  # a training whose data are lacking is none of them
                    weights = weights_of(config, {key: one.config for key, one in trainings.items()})
            except AbsentData as error:
                absent[str(error)] = None
                continue
            except UserError as error:
                raise UserError(f"{error} [suite {name}, cell {_title(choice.title, swept)}]") from None
            if choice.training:
                config.trainer.devices = config.trainer.num_nodes = 1  # what is measured is one client's step
            taken.update(used)
            title = _title(choice.title, [override for override in swept if override in used])
            one = Planned(title, config, weights, choice.name is not None)
            if choice.name is not None:
                alike = next((other for other in first if _plain(other) == _plain(one)), None)
                first += [] if alike else [one]
                trainings[choice.name] = alike or one
            elif (plain := _plain(one)) not in seen:
                seen.append(plain)
                cells.append(one)
    used_ones = {id(cell.weights.training) for cell in cells if cell.weights}
    cells = [*(one for one in first if id(one.config) in used_ones), *cells]
    for override in (text for one in combined for text in one.overrides) if not absent else ():
        if override not in taken:
            raise strangers.get(override) or UserError(f"{override}: no cell of suite {name} looks at it")
    if any(cell.config.executor != cells[0].config.executor for cell in cells):
        raise UserError(f"suite {name}: one executor for all cells, please: say executor=... behind the suite's name")
    if to_run:
        _data_present(cells, absent)
        point((cell.config, cell.weights) for cell in cells if cell.weights)
    return cells


def _plain(cell: Planned) -> list[Any]:
    """What tells a cell from others; plain containers, because comparing two nodes of OmegaConf takes milliseconds."""
    nodes = [cell.config, *([cell.weights.training] if cell.weights else [])]
    return [OmegaConf.to_container(node, resolve=True) for node in nodes]


def _title(of_grid: str, swept: list[str]) -> str:
    """What a cell is called: its choices in the grid, then those of the overrides with several values."""
    return " ".join([*([] if of_grid == ALONE and swept else [of_grid]), *swept])


def _compose_with(
    overrides: list[str],
    base: list[str],
    config_dir: Path | None,
    suite: str,
    strangers: dict[str, UserError],
    *,
    to_run: bool,
) -> tuple[DictConfig, list[str]]:
    """A cell with those of the user's overrides whose key it has, and which these are; the others join `strangers`.

    Args:
        overrides: what the user says.
        base: what the suite says of this cell.
        config_dir: a folder with options of the user's own.
        suite: the name of the suite.
        strangers: `{override: error}` of the overrides that no cell has taken; it is extended.
        to_run: see `planned`.
    """
    used = list(overrides)
    while True:
        try:
            return compose([*base, *used], config_dir, suite=suite, to_run=to_run), used
        except UnknownKeyError as error:
            unknown = [o for o in used if o.partition("=")[0] == error.key]
            if not unknown:
                raise
            strangers |= dict.fromkeys(unknown, error)
            used = [o for o in used if o not in unknown]


def write_plans(name: str, cells: list[Planned]) -> None:
    """Leaves word in each results folder of what is going to be done there, for `leakbench status`.

    Raises:
        UserError: a folder cannot be written.
    """
    configs = [cell.config for cell in cells]
    for root in {cfg.results for cfg in configs}:
        own = [cfg for cfg in configs if cfg.results == root]
        if plans.write(Path(root), name, [(kind_of(cfg), titled(cfg)) for cfg in own]):
            transcript.keep(Path(root))


def titled(cfg: DictConfig) -> dict[str, Any]:
    """The resolved config, its data set called as tables call it."""
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    names = config["names"]
    return {
        **config,
        "names": {**names, "data": display_names.title(instantiate(config["data"], "data").title, names["data"])},
    }


def _data_present(cells: list[Planned], absent: dict[str, None]) -> None:
    """Every data set of the suite is on this machine: known before the first cell, not after a night."""
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
