"""Of several appends the latest of each victim counts, whole: the query and the quick way against a plain loop."""

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.results.latest import in_order, latest

VICTIMS = pa.schema([("victim", pa.int64()), ("part", pa.string()), ("stored", pa.int64())])
SAMPLES = pa.schema([("victim", pa.int64()), ("position", pa.int64()), ("part", pa.string()), ("mse", pa.float64())])
# The victims of one append with the number of their samples, and the time at which it was stored; two may be equal.
APPENDS = st.lists(st.tuples(st.integers(0, 2), st.dictionaries(st.integers(0, 5), st.integers(0, 3))), max_size=4)


def tables(appends: list[tuple[int, dict[int, int]]], reverse: bool = False) -> tuple[pa.Table, pa.Table]:
    victims: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    for number, (stored, sizes) in enumerate(appends):
        for victim, size in sizes.items():
            victims.append({"victim": victim, "part": f"p{number}", "stored": stored})
            samples += [
                {"victim": victim, "position": at, "part": f"p{number}", "mse": number + at / 10}
                for at in reversed(range(size))
            ]
    step = -1 if reverse else 1
    return pa.Table.from_pylist(victims[::step], VICTIMS), pa.Table.from_pylist(samples[::step], SAMPLES)


def by_hand(appends: list[tuple[int, dict[int, int]]]) -> tuple[list[tuple[int, str]], list[tuple[int, int, float]]]:
    """`(victim, part)` and `(victim, position, mse)` that count: of equal times the part with the greater name."""
    chosen: dict[int, int] = {}
    for number, (stored, sizes) in enumerate(appends):
        for victim in sizes:
            if victim not in chosen or stored >= appends[chosen[victim]][0]:
                chosen[victim] = number
    victims = [(victim, f"p{number}") for victim, number in sorted(chosen.items())]
    samples = [
        (victim, at, number + at / 10)
        for victim, number in sorted(chosen.items())
        for at in range(appends[number][1][victim])
    ]
    return victims, samples


@given(APPENDS, st.booleans())
@settings(max_examples=25)
def test_the_query_chooses_what_a_plain_loop_chooses(appends: list, reverse: bool) -> None:
    victims, samples = latest(*tables(appends, reverse))
    found = [(row["victim"], row["part"]) for row in victims.to_pylist()]
    scored = [(row["victim"], row["position"], row["mse"]) for row in samples.to_pylist()]
    assert (found, scored) == by_hand(appends)


@given(APPENDS, st.booleans())
@settings(max_examples=25)
def test_the_quick_way_gives_the_same_tables_and_only_if_every_row_counts(appends: list, reverse: bool) -> None:
    given_tables = tables(appends, reverse)
    quick = in_order(*given_tables)
    all_count = len({victim for _, sizes in appends for victim in sizes}) == sum(len(sizes) for _, sizes in appends)
    assert (quick is not None) == all_count
    if quick is not None:
        assert [table.to_pylist() for table in quick] == [table.to_pylist() for table in latest(*given_tables)]


def test_a_sample_of_another_append_or_of_no_victim_is_left_to_the_query() -> None:
    """Its row must not be counted with an append to which it does not belong."""
    victims, samples = tables([(0, {1: 1, 2: 2})])
    assert in_order(victims.slice(1), samples) is None  # samples without their victim
    stray = samples.set_column(2, "part", pa.array(["p0", "p0", "other"]))
    assert in_order(victims, stray) is None
    assert latest(victims, stray)[1].num_rows == 2
    unknown = samples.set_column(2, "part", pa.array(["p0", None, "p0"]))
    assert in_order(victims, unknown) is None
