"""The tables in packages: which columns are categories, and what a damaged file is told."""

import numpy as np
import pytest

from bench.datamodules.table_encoding import Categories
from bench.datamodules.table_sets import breast_cancer, fair, randhie
from bench.errors import UserError

FAIR = """"rate_marriage","age","yrs_married","children","religious","educ","occupation","occupation_husb","affairs"
3,32,9,3,3,17,2,5,0.1111111
5,22,2.5,0,1,20,6,1,0
"""
RANDHIE = """mdvis,lncoins,idp,lpi,fmde,physlm,disea,hlthg,hlthf,hlthp
0,4.61512,1,6.907755,0,0,13.73189,1,0,0
2,4.61512,0,6.907755,0,0.5,13.73189,0,0,1
7,0,0,0,0,0,1,0,0,0
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_breast_cancer_has_thirty_values_and_two_classes():
    table = breast_cancer()
    assert len(table.columns) == 30 and table.class_names == ("malignant", "benign")
    assert np.bincount(table.labels).tolist() == [212, 357]  # as its description in scikit-learn says
    assert not any(isinstance(column, Categories) for column in table.columns.values())


def test_codes_of_fair_become_names(file):
    table = fair(file(FAIR))
    assert table.labels.tolist() == [1, 0] and table.columns["yrs_married"].tolist() == [9, 2.5]
    named = {
        name: [column.names[code] for code in column.codes]
        for name, column in table.columns.items()
        if isinstance(column, Categories)
    }
    assert named["rate_marriage"] == ["fair", "very good"] and named["educ"] == ["more", "degree"]
    assert named["occupation_husb"] == ["managerial", "student"]


def test_three_columns_of_randhie_are_one_of_health(file):
    table = randhie(file(RANDHIE))
    assert table.labels.tolist() == [0, 1, 1]
    assert [table.columns["health"].names[code] for code in table.columns["health"].codes] == [
        "good",
        "poor",
        "excellent",
    ]
    assert table.columns["idp"].codes.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (FAIR.replace("3,32", "9,32"), "column rate_marriage has a value that is none of 1, 2, 3, 4, 5"),
        (FAIR.replace("0.1111111", "much"), "is no table of numbers"),
        (FAIR.replace(",0.1111111", ""), "is no table of numbers|want a header and lines of 9 finite numbers"),
        (FAIR.replace("2.5", "nan"), "want a header and lines of 9 finite numbers"),
    ],
)
def test_a_damaged_file_is_named(file, text, sentence):
    with pytest.raises(UserError, match=sentence):
        fair(file(text))
