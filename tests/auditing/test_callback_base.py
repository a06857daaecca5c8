"""A callback is one of each package of Lightning's that is installed."""

import importlib.util

import pytorch_lightning

from bench.auditing.callback_base import Callback


def test_each_installed_package_takes_it() -> None:
    there = ["pytorch_lightning", *(["lightning"] if importlib.util.find_spec("lightning") else [])]
    packages = {base.__module__.split(".")[0] for base in Callback.__mro__} & {"pytorch_lightning", "lightning"}
    assert packages == set(there) and issubclass(Callback, pytorch_lightning.Callback)
