"""A line-up differs from the victim's batch in the first example alone, and in nothing that gives it away."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.config.compose import compose
from bench.datamodules.base import VictimDataModule
from bench.datamodules.line_up import check_possible, line_up
from bench.errors import NotApplicable
from bench.running.components import read_contents


def data_of(*overrides: str) -> VictimDataModule:
    return read_contents(compose(["data=samples", "data.set=cifar10", *overrides]), scored=False).data


@given(victim=st.integers(0, 60), candidates=st.integers(1, 17), seed=st.integers(0, 3))
def test_only_the_first_example_differs_and_all_candidates_are_different(
    victim: int, candidates: int, seed: int
) -> None:
    data = data_of("data.batch_size=3", f"data.seed={seed}")
    shown, own = line_up(data, victim, candidates), data.deal([victim])
    assert len(shown) == candidates and set(shown.ids.tolist()) == {victim}
    assert torch.equal(shown.inputs[0], own.inputs[0]) and torch.equal(shown.labels[0], own.labels[0])
    assert torch.equal(shown.samples[:, 1:], own.samples[:, 1:].expand(candidates, 2))
    first = shown.samples[:, 0].tolist()
    assert len(set(first)) == candidates and not set(first[1:]) & set(own.samples[0].tolist())
    assert shown.labels.tolist() == data.pool.labels[shown.samples.numpy()].tolist()
    assert torch.equal(shown.inputs, data.pool.inputs(shown.samples.numpy()))


def test_each_victim_has_a_line_up_of_its_own_that_does_not_change() -> None:
    data = data_of()
    one, again, other = line_up(data, 4, 6), line_up(data, 4, 6), line_up(data, 5, 6)
    assert torch.equal(one.samples, again.samples)
    assert not np.array_equal(one.samples[1:], other.samples[1:])


def test_a_drawn_label_is_that_of_all_candidates_because_it_is_not_the_image_s_own() -> None:
    data = data_of("data.labels=random", "data.batch_size=2")
    shown = line_up(data, 3, 8)
    assert torch.equal(shown.labels, data.deal([3]).labels.expand(8, 2))


def test_a_sentence_is_confronted_with_others_in_the_same_places() -> None:
    asked = ["data=sentences", "model=bert_tiny", "attack=dlg_text"]
    data = read_contents(compose(asked), scored=False).data
    shown = line_up(data, 2, 5)
    assert shown.mask is not None and torch.equal(shown.inputs[0], data.deal([2]).inputs[0])
    assert len({tuple(row) for row in shown.inputs[:, 0].tolist()}) == 5


def test_a_data_set_that_is_too_small_is_refused_with_the_number_that_is_needed() -> None:
    data = data_of("data.batch_size=3")
    check_possible(data, 18)
    with pytest.raises(NotApplicable, match="has 20 images; a line-up of 19 beside batches of 3 needs 21"):
        check_possible(data, 19)
