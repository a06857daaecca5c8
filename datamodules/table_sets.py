"""The tables that `data=table` reads: which columns are categories, and what is predicted."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.datamodules.table_encoding import Categories, Floats, RawTable
from bench.datamodules.wheel_file import Wheel, WheelFile
from bench.errors import UserError

# The files are only read, so one wheel serves every machine, whatever its compiled code is for.
STATSMODELS = Wheel(
    "statsmodels",
    "0.15.0",
    "c6f2bd48915cc9b3b95c3c7f6ac363b6f8aaa38172962ba5f7f6885f0dfe57f2",
    ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312"),
)
_WORK = ("student", "farming or unskilled", "white-collar", "skilled or teaching", "managerial", "professional")


def breast_cancer() -> RawTable:
    """569 tumours with 30 measurements each, malignant or benign (Street, Wolberg and Mangasarian 1993)."""
    import sklearn.datasets  # here, because it takes a second

    table = sklearn.datasets.load_breast_cancer()
    columns = {str(name): table.data[:, i] for i, name in enumerate(table.feature_names)}
    return RawTable(columns, table.target.astype(np.int64), tuple(str(name) for name in table.target_names))


def fair(path: Path) -> RawTable:
    """6,366 answers of married women to a magazine's survey of 1974 (Fair 1978): 3 values and 5 categories.

    The class is whether the answer names an affair.
    """
    columns = _read(path, 9)
    categories = {
        "rate_marriage": ((1, 2, 3, 4, 5), ("very poor", "poor", "fair", "good", "very good")),
        "religious": ((1, 2, 3, 4), ("not", "mildly", "fairly", "strongly")),
        "educ": ((9, 12, 14, 16, 17, 20), ("grade school", "high school", "some college", "college", "more", "degree")),
        "occupation": ((1, 2, 3, 4, 5, 6), _WORK),
        "occupation_husb": ((1, 2, 3, 4, 5, 6), _WORK),
    }
    values: dict[str, Floats | Categories] = {name: columns[name] for name in ("age", "yrs_married", "children")}
    for name, (codes, names) in categories.items():
        values[name] = _categories(path, name, columns[name], codes, names)
    return RawTable(values, (columns["affairs"] > 0).astype(np.int64), ("none", "some"))


def randhie(path: Path) -> RawTable:
    """20,190 person-years of the RAND Health Insurance Experiment: 5 values and 2 categories.

    The class is whether the person saw a doctor in that year. Self-rated health has four categories, of which the table
    holds three as columns of 0 and 1.
    """
    columns = _read(path, 10)
    values: dict[str, Floats | Categories] = {
        name: columns[name] for name in ("lncoins", "lpi", "fmde", "physlm", "disea")
    }
    values["idp"] = _categories(path, "idp", columns["idp"], (0, 1), ("no", "yes"))
    health = columns["hlthg"] + 2 * columns["hlthf"] + 3 * columns["hlthp"]
    values["health"] = _categories(path, "health", health, (0, 1, 2, 3), ("excellent", "good", "fair", "poor"))
    return RawTable(values, (columns["mdvis"] > 0).astype(np.int64), ("no visit", "visits"))


@dataclass(frozen=True)
class TableSet:
    """A table of `data=table`.

    Args:
        read: reads the file.
        file: the file in a wheel.
    """

    read: Callable[[Path], RawTable]
    file: WheelFile


FILES = {
    "fair": TableSet(
        fair,
        WheelFile(
            STATSMODELS,
            "statsmodels/datasets/fair/fair.csv",
            "fd5f3f094a34fc35ca346a14c359e046ed27843038d6921efcd50a7ab21f6af0",
        ),
    ),
    "randhie": TableSet(
        randhie,
        WheelFile(
            STATSMODELS,
            "statsmodels/datasets/randhie/randhie.csv",
            "9f6c87d05aef087a82cc4465310c8cd3f38327be6eafa43bd81fb98c4f3d088c",
        ),
    ),
}
SETS = ("breast_cancer", *FILES)


def _read(path: Path, width: int) -> dict[str, Floats]:
    """The columns of a file of numbers with a header, `{name: [N]}`.

    Raises:
        UserError: a line is no list of as many numbers as the header has names.
    """
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    try:
        numbers = np.array([[float(cell) for cell in line] for line in lines])
    except ValueError as error:
        raise UserError(f"{path}: is no table of numbers ({error})") from None
    if len(header) != width or numbers.ndim != 2 or numbers.shape[1] != width or not np.isfinite(numbers).all():
        raise UserError(f"{path}: want a header and lines of {width} finite numbers each")
    return {name: numbers[:, i] for i, name in enumerate(header)}


def _categories(path: Path, name: str, values: Floats, codes: tuple[int, ...], names: tuple[str, ...]) -> Categories:
    """A column of categories from the codes that the table has for them.

    Raises:
        UserError: the table has another code.
    """
    known = np.array(codes)
    if not np.isin(values, known).all():
        raise UserError(f"{path}: column {name} has a value that is none of {', '.join(map(str, codes))}")
    return Categories(np.searchsorted(known, values).astype(np.int64), names)
