"""The worst case over attacks: the highest score per victim, and the best of as many controls beside it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.results.worst_case import worst_case

SCORES = st.dictionaries(st.integers(0, 5), st.floats(-50, 50), max_size=6)


def test_each_victim_counts_under_the_attack_that_got_most_of_it() -> None:
    found = worst_case({"dlg": {0: 30.0, 1: 5.0, 2: 7.0}, "tv": {0: 10.0, 1: 20.0}}, [{0: 1.0, 1: 9.0}, {0: 4.0}])
    assert found is not None
    assert found.victims == (0, 1, 2) and found.scores.tolist() == [30.0, 20.0, 7.0] and found.mean == 19.0
    assert found.won == {"dlg": 2, "tv": 1} and (found.attacks, found.controls) == (2, 2)
    np.testing.assert_equal(found.chance, [4.0, 9.0, np.nan])  # the third victim has no control
    assert found.mean_by_chance == 6.5


def test_no_more_controls_are_used_than_there_are_attacks() -> None:
    found = worst_case({"dlg": {0: 3.0}}, [{0: 1.0}, {0: 2.0}])
    assert found is not None and found.controls == 1 and found.chance.tolist() == [1.0]


def test_without_a_victim_there_is_no_worst_case_and_without_a_control_no_chance() -> None:
    assert worst_case({}, [{0: 1.0}]) is None and worst_case({"dlg": {}}, []) is None
    found = worst_case({"dlg": {0: 3.0}}, [])
    assert found is not None and found.mean_by_chance is None and found.controls == 0


@given(st.dictionaries(st.sampled_from("abcd"), SCORES, max_size=4), SCORES)
def test_it_never_falls_when_an_attack_is_added(attacks, further) -> None:
    before, after = worst_case(attacks, []), worst_case({**attacks, "z": further}, [])
    if before is None:
        return
    assert after is not None
    known = dict(zip(after.victims, after.scores))
    assert all(known[victim] >= score for victim, score in zip(before.victims, before.scores))
    assert sum(after.won.values()) == len(after.victims)
