"""One display at a time: rich refuses a second, and a suite and its cells both want bars."""

from bench.terminal.progress import bars


def test_an_inner_asker_gets_the_outer_display_and_the_next_a_new_one():
    with bars() as outer:
        with bars() as inner:
            assert inner is outer
        with bars() as again:
            assert again is outer
    with bars() as later:
        assert later is not outer


def test_an_error_closes_the_display():
    try:
        with bars() as first:
            raise KeyError
    except KeyError:
        pass
    with bars() as second:
        assert second is not first
