"""What a client trains: patterns choose among the trainable parameters, and a mistake names what there is."""

import pytest
import torch
from torch import nn

from bench.errors import UserError
from bench.models.shared import choose, parted, trained


def net(layers: int = 3) -> nn.Module:
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(layers)])
    model[0].weight.requires_grad_(False)
    return model


def chosen(patterns: list[str] | None) -> list[str]:
    model = net()
    choose(model, patterns)
    return trained(model)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (None, ["0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]),
        (["2.*"], ["2.weight", "2.bias"]),
        (["*.bias", "1.weight"], ["0.bias", "1.weight", "1.bias", "2.bias"]),
        (["?.weight"], ["1.weight", "2.weight"]),  # the frozen one stays frozen
    ],
)
def test_patterns_choose_among_the_trainable_parameters(patterns, expected) -> None:
    assert chosen(patterns) == expected


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [
        ([], r"model.shared=\[\]: nothing is shared"),
        (["2.*", "3.*"], r"'3.\*' matches no parameter; there are 0.bias, 1.weight"),
        (["0.weight"], r"'0.weight' matches only frozen parameters \(0.weight\); there are 0.bias"),
        (["2.WEIGHT"], "'2.WEIGHT' matches no parameter"),
    ],
)
def test_a_pattern_that_chooses_nothing_is_refused_and_nothing_is_frozen(patterns, sentence) -> None:
    model = net()
    with pytest.raises(UserError, match=sentence):
        choose(model, patterns)
    assert trained(model) == chosen(None)


def test_a_model_without_trainable_parameters_is_refused_and_long_lists_are_cut() -> None:
    with pytest.raises(UserError, match="Linear has no trainable parameter"):
        choose(nn.Linear(2, 2).requires_grad_(False), None)
    with pytest.raises(UserError, match=r"there are 0.bias, 1.weight, .*, 9 more, 7.bias, .*, 9.weight, 9.bias$"):
        choose(net(10), ["absent"])


def test_parameters_are_parted_from_all_that_no_step_changes() -> None:
    one = torch.zeros(1)
    mine, constant = parted({"a": one, "b": one + 1, "c": one + 2}, {"mean": one + 3}, {"c", "a"})
    assert list(mine) == ["a", "c"] and {name: float(value) for name, value in constant.items()} == {"mean": 3, "b": 1}
