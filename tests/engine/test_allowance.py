"""Rounds of a search ask before they begin."""

import time

from bench.engine.allowance import Rounds, always


def test_a_round_is_expected_to_take_what_the_last_one_took() -> None:
    asked: list[float] = []
    rounds = Rounds(lambda seconds: not asked.append(seconds))  # it is told, and answers yes
    for pause in (0.0, 0.05):
        assert rounds.another()
        time.sleep(pause)
    assert rounds.another()
    assert asked[0] == 0 and asked[1] < 0.05 <= asked[2] and always(1e9)


def test_after_one_no_there_is_no_round() -> None:
    answers = iter([True, False, True])
    rounds = Rounds(lambda seconds: next(answers))
    assert [rounds.another() for _ in range(5)] == [True, False, False, False, False]
