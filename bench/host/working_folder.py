"""The user's working folder, as a place to import from."""

import os
import sys


def importable() -> None:
    """Makes modules in the working folder importable, as under `python -m`, but behind everything that is installed.

    In front, a folder of the user's that has the name of an installed package (`datamodules`, `configs`, `wandb`) would
    be imported in its place.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
