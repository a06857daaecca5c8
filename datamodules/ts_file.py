"""Reads files of the format `.ts`, in which the UCR and UEA archives of time series are distributed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import UserError

Series = npt.NDArray[Any]  # [C, T], float64


@dataclass(frozen=True, eq=False)
class SeriesFile:
    """The series of a file, in its order.

    Args:
        series: of N examples, `[C, T]` each; T may differ from example to example.
        labels: N names of classes.
        class_names: the names that the header declares, in its order.
    """

    series: list[Series]
    labels: list[str]
    class_names: tuple[str, ...]


def read_ts(path: Path) -> SeriesFile:
    """Reads a file of labelled series without time stamps and without missing values.

    The file is UTF-8 text. Lines that begin with `#` are comments. Lines that begin with `@` are the header, which ends
    with `@data`; of it, `@dimensions` (C; 1 if it is absent), `@timeStamps` and `@classLabel` are read. Each further
    line is an example: for each channel its values, separated by commas, and at last the name of the class; channels
    and class are separated by colons.

    Args:
        path: the file.

    Raises:
        UserError: the file has time stamps or no classes, or a line is not as described, or a value is not finite.
    """
    header: dict[str, list[str]] = {}
    series, labels = [], []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(map(str.strip, file), 1):
            if not line or line.startswith("#"):
                continue
            if line.startswith("@"):
                key, *values = line.split()
                header[key.lower()] = values
            elif "@data" not in header:
                raise UserError(f"{path}:{number}: want a line of the header, which ends with @data, got {line[:40]!r}")
            else:
                values_of, label = _example(line, path, number)
                series.append(values_of)
                labels.append(label)
    class_names = _class_names(header, path)
    channels = _channels(header, path)
    for one, label in zip(series, labels):
        if len(one) != channels or label not in class_names:
            raise UserError(
                f"{path}: want series of {channels} channels and of the classes {', '.join(class_names)}, got "
                f"{len(one)} channels and the class {label!r}"
            )
    if not series:
        raise UserError(f"{path}: has no series behind @data")
    return SeriesFile(series, labels, class_names)


def _channels(header: dict[str, list[str]], path: Path) -> int:
    said = " ".join(header.get("@dimensions", ["1"]))
    if not said.isdecimal():
        raise UserError(f"{path}: @dimensions: want a number of channels, got {said[:40]!r}")
    return int(said)


def _class_names(header: dict[str, list[str]], path: Path) -> tuple[str, ...]:
    declared = header.get("@classlabel", [])
    if declared[:1] != ["true"] or header.get("@timestamps", ["false"])[:1] != ["false"]:
        raise UserError(f"{path}: want labelled series without time stamps (@classLabel true, @timeStamps false)")
    return tuple(declared[1:])


def _example(line: str, path: Path, number: int) -> tuple[Series, str]:
    """The values `[C, T]` of a line, and the name of its class."""
    *channels, label = line.split(":")
    try:
        values = [[float(value) for value in channel.split(",")] for channel in channels]
    except ValueError:
        values = []
    lengths = {len(channel) for channel in values}
    if len(lengths) != 1 or not np.isfinite(values).all():
        raise UserError(f"{path}:{number}: want channels of equally many finite numbers, and the name of a class")
    return np.array(values), label.strip()
