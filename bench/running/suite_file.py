"""What a suite's file says, configs/suite/NAME.yaml: the grid, before it is expanded."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.config import options, paper_section
from bench.config.schema import check_as
from bench.config.yaml_bounds import check_files
from bench.errors import UserError


@dataclass
class Suite:
    """configs/suite/NAME.yaml.

    Args:
        grid: axes; each a list of choices, each choice one or more overrides separated by spaces. Cells are their
            product, the last axis running fastest.
        overrides: for every cell.
        also: cells beside the grid, each one or more overrides (a control that looks at no gradient is run once).
        utility: overrides of a training (`training=...` and what else differs from the grid), for the accuracy that
            each choice of the grid leaves; attack, threat and metrics play no part in it. Empty for no trainings.
        measures: each an option of the group `measure`, and behind it further overrides if any (`limit`,
            `labels labels=bias`). Each is measured for each choice of the grid, whoever attacks: what a choice says of
            attack and threat plays no part in it.
        paper: figures of a paper that the cells stand beside (see `bench.config.paper_section`); None for none.
        trainings: `{name: overrides}` of trainings that run before all cells. A cell uses the weights of one of them by
            `model.checkpoint=training:NAME:EPOCH`; the epochs stand in `training.checkpoints`.
    """

    grid: list[list[str]]
    overrides: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    utility: list[str] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    paper: dict[str, Any] | None = None
    trainings: dict[str, str] = field(default_factory=dict)


def load(name: str, config_dir: Path | None = None) -> Suite:
    """The suite of this name.

    Raises:
        UserError: there is none, or its file is not of the form above.
    """
    check_files(config_dir)
    known = options.entries("suite", config_dir)
    if name not in known:
        raise options.no_such("suite", name, config_dir)
    path = known[name].path
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}:{mark.line + 1 if mark else 1}: not valid YAML") from None
    suite = check_as(Suite, found, str(path))
    if not suite.grid or not all(suite.grid):
        raise UserError(f"{path}: grid: want at least one axis, and at least one choice on each")
    if wrong := [text for text in suite.measures if not text.strip() or "=" in text.split()[0]]:
        raise UserError(
            f"{path}: measures: {wrong[0]!r}: want an option of the group measure first, then its overrides, such as "
            "`labels labels=bias`"
        )
    if suite.paper is not None:
        paper_section.section(suite.paper, f"{path}: paper")
    return suite
