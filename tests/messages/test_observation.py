"""What an attack receives: shapes are checked, and some of its victims can be taken."""

from dataclasses import fields, replace

import pytest
import torch
from observations import net, observe

from bench.messages.observation import Observation


def everything() -> Observation:
    seen, images, labels = observe(net(), victims=4)
    mask = torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(0)) < 0.5
    buffers = {"running_mean": torch.arange(8.0).view(4, 2)}
    known = {"labels": labels, "mask": mask, "statistics": {"1": torch.arange(24.0).view(4, 2, 3)}}
    return replace(seen, **known, buffers=buffers, mean_image=images[0, 0], surrogate=((1, 2),))


def test_taking_victims_takes_their_rows_of_all_that_is_per_victim() -> None:
    seen, index = everything(), torch.tensor([3, 1])
    taken = seen.take(index)
    assert len(taken) == 2 and torch.equal(taken.ids, seen.ids[index])
    for group in ("gradients", "parameters", "buffers", "statistics"):
        for name, value in getattr(seen, group).items():
            assert torch.equal(getattr(taken, group)[name], value[index])
    assert torch.equal(taken.labels, seen.labels[index]) and torch.equal(taken.mask, seen.mask[index])
    for field in fields(Observation):
        if field.name not in ("gradients", "parameters", "buffers", "ids", "labels", "mask", "statistics"):
            assert getattr(taken, field.name) is getattr(seen, field.name), field.name


def test_one_model_for_all_victims_is_not_copied() -> None:
    seen, *_ = observe(net(), victims=4, one_model=True)
    for name, value in seen.take(torch.tensor([3, 1])).parameters.items():
        assert value.shape[0] == 2 and value.data_ptr() == seen.parameters[name].data_ptr()


@pytest.mark.parametrize("group", ["gradients", "parameters", "buffers", "statistics"])
def test_rows_for_another_number_of_victims_are_refused(group: str) -> None:
    with pytest.raises(ValueError, match=r"w: want \[4, ...\], got \[3, 2\]"):
        replace(everything(), **{group: {"w": torch.zeros(3, 2)}})
