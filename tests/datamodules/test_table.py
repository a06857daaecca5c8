"""Rows of real tables: half of them public, the other half dealt, each by the statistics of the public half."""

import numpy as np
import pytest
import sklearn.datasets
import torch

from bench.errors import UserError


@pytest.fixture
def cancer(build):
    data = build("table", batch_size=5)
    data.setup()
    return data


def test_dealt_rows_are_rows_of_the_table(cancer):
    table = sklearn.datasets.load_breast_cancer()
    victims = cancer.deal(range(20))
    assert victims.inputs.shape == (20, 5, 30) and victims.columns is cancer.columns
    mean = np.array([column.mean for column in cancer.columns.columns])
    deviation = np.array([column.deviation for column in cancer.columns.columns])
    back = victims.inputs.double().numpy() * deviation + mean
    for row, label in zip(back.reshape(-1, 30), victims.labels.flatten().tolist()):
        place = np.abs((table.data - row) / deviation).max(1).argmin()
        assert np.abs((table.data[place] - row) / deviation).max() < 1e-5 and table.target[place] == label


def test_public_rows_are_no_victims_and_give_the_statistics(cancer):
    table = sklearn.datasets.load_breast_cancer()
    assert len(cancer.pool) == 569 - 284 and "285 of the rows of 'breast_cancer' are private" in cancer.remark
    means = [column.mean for column in cancer.columns.columns]
    private = cancer.pool.values.astype(np.float64)
    deviations = np.array([column.deviation for column in cancer.columns.columns])
    total = (private * deviations + np.array(means)).sum(0) + 284 * np.array(means)
    assert np.allclose(total, table.data.sum(0), rtol=1e-5)  # the public means are those of all the other rows
    assert torch.equal(cancer.mean_image, torch.zeros(30)) and cancer.input_range == (-3.0, 3.0)


def test_which_rows_are_public_does_not_depend_on_the_seed(build, cancer):
    other = build("table", seed=7)
    other.setup()
    assert other.fingerprint == cancer.fingerprint
    fewer = build("table", public_share=0.1)
    fewer.setup()
    assert len(fewer.pool) == 569 - 56 and fewer.fingerprint != cancer.fingerprint


def test_what_is_lacking_is_told_in_one_line(build):
    with pytest.raises(UserError, match=r"data 'table-fair' is not in .*table; run: leakbench prepare table, or put"):
        build("table", set="fair").setup()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"set": "adult"}, "data.set=adult: must be one of breast_cancer, fair, randhie"),
        ({"public_share": 1}, "data.public_share=1: must be above 0 and below 1"),
        ({"public_share": "half"}, "data.public_share=half: must be a number"),
    ],
)
def test_refusals(build, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        build("table", **changes)


def test_a_file_of_another_content_is_refused(build, tmp_path):
    folder = tmp_path / "data" / "table"
    folder.mkdir(parents=True)
    (folder / "fair.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"fair\.csv: is truncated, corrupt or another version"):
        build("table", set="fair", root=str(tmp_path / "data")).setup()
