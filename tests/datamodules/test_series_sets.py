"""The sets of series: what is fetched, and how series of several lengths are brought to one."""

import numpy as np

from bench.datamodules.series_sets import SETS, resampled


def test_resampling_keeps_lines_and_ends():
    line = np.stack([np.linspace(-1, 4, 7), np.zeros(7)])
    assert np.allclose(resampled(line, 16), np.stack([np.linspace(-1, 4, 16), np.zeros(16)]))
    drawn = np.random.default_rng(0).normal(size=(3, 9))
    assert np.array_equal(resampled(drawn, 9), drawn) and np.array_equal(resampled(drawn, 17)[:, ::2], drawn)


def test_each_set_is_two_files_of_one_wheel_that_is_pinned():
    files = [file for one in SETS.values() for file in one.files]
    assert len({file.name for file in files}) == len({file.digest for file in files}) == 2 * len(SETS)
    assert len({file.wheel for file in files}) == 1 and all(len(file.digest) == 64 for file in files)
