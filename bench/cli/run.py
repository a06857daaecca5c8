"""`leakbench run`: runs one cell and prints its result."""

import argparse

from bench.cli.output import Answer
from bench.errors import UserError


def answer(arguments: argparse.Namespace) -> Answer:
    """Runs one cell and prints its result; with `--cfg`, prints its config and runs nothing."""
    from bench.config.compose import compose

    if arguments.serve:
        from bench.executors.child import serve

        serve()
        return 0, None
    cfg = compose(arguments.overrides, arguments.config_dir, to_run=not arguments.cfg)
    if "training" in cfg:
        raise UserError("training=...: a model is trained by `leakbench train`, and attacked by `leakbench run`")
    if arguments.cfg:
        from bench.cli import cfg as configs

        return configs.show_cell(cfg)
    from bench.cli.one_cell import run_and_show

    return run_and_show(cfg)
