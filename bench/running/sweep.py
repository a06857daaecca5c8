"""A sweep is a suite without a file: one cell for each combination of the values that the command line names."""

from pathlib import Path

from bench.config.sweep import swept_keys
from bench.errors import UserError
from bench.running.suite import Planned, planned
from bench.running.suite_file import Suite
from bench.storage.file_name import file_name


def name_of(overrides: list[str]) -> str:
    """What the sweep is called in plans, loggers and messages: the keys that have several values.

    >>> name_of(["attack=dlg,idlg", "data=samples", "seed=0,1,2"])
    'sweep-attack-seed'
    """
    return file_name("-".join(["sweep", *swept_keys(overrides)]), "sweep")


def plan(overrides: list[str], config_dir: Path | None = None, *, to_run: bool = True) -> list[Planned]:
    """The cells of a sweep, each composed and checked.

    Args:
        overrides: as `leakbench run` takes them; those with several values span the grid, the last one running fastest.
        config_dir: a folder with options of the user's own.
        to_run: whether the data sets have to be on this machine.

    Raises:
        UserError: a cell cannot be composed, or its data set is not on this machine: before anything has run.
    """
    for override in overrides:
        if override.startswith("training="):
            raise UserError(f"{override}: a model is trained by `leakbench train`, and attacked by `leakbench run`")
    return planned(Suite(grid=[[""]]), name_of(overrides), overrides, config_dir, to_run=to_run)
