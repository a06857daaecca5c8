"""`leakbench speed`: measures the engine against the published loop."""

import argparse

from bench.cli.output import Answer, show


def answer(arguments: argparse.Namespace) -> Answer:
    """Measures the engine against the published loop and prints the result."""
    from bench.speed import compare, report
    from bench.speed.options import Options

    document = compare.measure(Options.of(arguments))
    for part in (*report.tables(document), report.sentence(document)):
        show(part)
    return 0, document
