"""`leakbench train`: trains a classifier under a defence and prints what the defence costs."""

import argparse

from bench.cli.output import Answer


def answer(arguments: argparse.Namespace) -> Answer:
    """Trains a classifier under a defence; with `--cfg`, prints the config of the training and trains nothing."""
    from bench.config.compose import compose

    given = any(text.startswith("training=") for text in arguments.overrides)
    overrides = [*([] if given else ["training=held_out"]), *arguments.overrides]
    cfg = compose(overrides, arguments.config_dir, to_run=not arguments.cfg)
    cfg.trainer.devices = cfg.trainer.num_nodes = 1  # the step of one client is measured
    if arguments.cfg:
        from bench.cli import cfg as configs

        return configs.show_cell(cfg)
    from bench.cli.one_cell import run_and_show

    return run_and_show(cfg)
