"""Edits of a sentence: permutations of its free places, each kind as LAMP describes it."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.attacks.text.edits import KINDS, edited, edits, shuffled

RANDOM = st.tuples(*[st.floats(0, 1, exclude_max=True, width=32)] * 3)
FREE = st.lists(st.booleans(), min_size=1, max_size=12).map(torch.tensor)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 12), RANDOM)
def test_each_kind_does_what_it_says(count, random) -> None:
    before = list(range(count))
    after = {kind: edited(before, kind, random) for kind in KINDS}
    assert all(sorted(order) == before for order in after.values())
    differ = [i for i in before if after["swap"][i] != i]
    assert len(differ) in (0, 2)
    # without the moved token, or span, the rest stands as it stood
    assert any([t for t in after["token"] if t != moved] == [t for t in before if t != moved] for moved in before)
    spans = [set(range(b, e)) for b in before for e in range(b + 1, count + 1)]
    assert any(
        [t for t in after["span"] if t not in span] == [t for t in before if t not in span]
        and [t for t in after["span"] if t in span] == sorted(span)
        for span in spans
    )
    assert after["prefix"] in [before[i:] + before[:i] for i in range(1, count + 1)]


@settings(max_examples=100, deadline=None)
@given(FREE, st.integers(0, 1000), st.integers(1, 30))
def test_candidates_are_permutations_that_keep_the_fixed_places(free, seed, count) -> None:
    random = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    found, here = edits(free, random), torch.arange(len(free))
    assert torch.equal(found[0], here)
    assert torch.equal(found.sort(1).values, here.expand(count, -1))
    assert torch.equal(found[:, ~free], here[~free].expand(count, -1))


@settings(max_examples=100, deadline=None)
@given(FREE, st.integers(0, 1000))
def test_a_shuffle_keeps_the_fixed_places_and_can_reach_any_order(free, seed) -> None:
    random = torch.rand(2, len(free), generator=torch.Generator().manual_seed(seed))
    found, here = shuffled(free.expand(2, -1), random), torch.arange(len(free))
    assert torch.equal(found.sort(1).values, here.expand(2, -1))
    assert torch.equal(found[:, ~free], here[~free].expand(2, -1))
    places = here[free]
    assert torch.equal(found[:, free], places[random[:, free].argsort(1)])


def test_all_kinds_are_tried_in_turn_and_most_change_something() -> None:
    random = torch.rand(81, 3, generator=torch.Generator().manual_seed(0))
    found = edits(torch.tensor([False] + [True] * 8 + [False]), random)
    changed = (found[1:] != torch.arange(10)).any(1)
    by_kind = [changed[k::4].double().mean() for k in range(4)]
    assert min(by_kind) > 0.5
