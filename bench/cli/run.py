"""`leakbench run`: runs one cell and prints its result, or a grid of cells if a key has several values."""

import argparse

from bench.cli import grid
from bench.cli.output import Answer
from bench.errors import UserError


def answer(arguments: argparse.Namespace) -> Answer:
    """Runs one cell, or a grid if a key has several values; with `--cfg`, prints the config and runs nothing."""
    from bench.config.compose import compose
    from bench.config.sweep import swept_keys

    if arguments.serve:
        from bench.executors.child import serve

        serve()
        return 0, None
    if arguments.multirun or swept_keys(arguments.overrides):
        from bench.running import sweep

        cells = sweep.plan(arguments.overrides, arguments.config_dir, to_run=not arguments.cfg)
        return grid.run_or_show(sweep.name_of(arguments.overrides), cells, only_config=arguments.cfg)
    cfg = compose(arguments.overrides, arguments.config_dir, to_run=not arguments.cfg)
    if "training" in cfg:
        raise UserError("training=...: a model is trained by `leakbench train`, and attacked by `leakbench run`")
    if arguments.cfg:
        from bench.cli import cfg as configs

        return configs.show_cell(cfg)
    from bench.cli.one_cell import run_and_show

    return run_and_show(cfg)
