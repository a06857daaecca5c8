"""What rows of tables and series share: which examples are public, and where the files of a set are looked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from series_files import write_toy

from bench.datamodules.table import TableData


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 200), st.floats(0.001, 0.999))
def test_each_example_is_either_public_or_private_and_neither_is_empty(count, share):
    facts = {"victims": 1, "batch_size": 1, "seed": 0, "label_rule": "random", "labels": "own", "root": "data"}
    data = TableData(name="table", set="breast_cancer", public_share=share, **facts)
    public, private = data.divided(count)
    assert np.array_equal(np.sort(np.concatenate([public, private])), np.arange(count))
    assert len(public) == min(max(1, int(share * count)), count - 1)
    assert (np.diff(public) > 0).all() and (np.diff(private) > 0).all()


def test_files_are_missing_until_all_of_a_set_are_there(build, tmp_path, monkeypatch):
    write_toy(tmp_path / "data", monkeypatch)
    data = build("series", set="toy", root=str(tmp_path / "data"))
    folder = tmp_path / "data" / "series"
    assert data.missing() == [] and data.where() == str(folder)
    (folder / "toy_TEST.ts").unlink()
    assert data.missing() == ["toy_TEST.ts"] and data.command() == "leakbench prepare series"
    assert data.by_hand() == f"put toy_TRAIN.ts and toy_TEST.ts of aeon 1 into {folder}"


@pytest.mark.parametrize("name", ["table", "series"])
def test_building_reads_nothing_and_makes_no_folder(build, tmp_path, name):
    data = build(name, root=str(tmp_path / "data"))
    assert data.command() == f"leakbench prepare {name}" and not (tmp_path / "data").exists()
