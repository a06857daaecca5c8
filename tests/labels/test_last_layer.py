"""Labels from the last layer's gradient, against the formula and real networks."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from observations import net, observe

from bench.errors import NotApplicable
from bench.labels.last_layer import BiasRule, LastLayer, SignRule, label_from_bias, label_from_weight


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=12), st.data())
def test_the_bias_names_the_label_whatever_the_features_and_the_weight_if_their_sum_is_positive(logits, data) -> None:
    """By the formula, p - y times the features, with no network at all."""
    label = data.draw(st.integers(0, len(logits) - 1))
    error = torch.tensor(logits, dtype=torch.float64).softmax(0)
    error[label] -= 1
    features = torch.tensor(data.draw(st.lists(st.floats(-1, 1), min_size=3, max_size=3)), dtype=torch.float64)
    if error[label] == 0:  # the network is certain, so that nothing is shared
        return
    assert label_from_bias(error.unsqueeze(0)).tolist() == [label]
    if features.sum() > 1e-3:
        assert label_from_weight(torch.outer(error, features).unsqueeze(0)).tolist() == [label]


@pytest.mark.parametrize("lacking", [[], ["3.bias"], ["3.weight"]])
def test_every_label_of_a_real_network_is_read_off_what_is_shared(lacking) -> None:
    """Behind a sigmoid, so the features are positive; either tensor is enough."""
    seen, _, labels = observe(net(), victims=30, batch_size=1)
    seen = replace(seen, gradients={name: value for name, value in seen.gradients.items() if name not in lacking})
    assert torch.equal(LastLayer()(seen), labels)


def test_what_it_cannot_serve_is_refused() -> None:
    seen, *_ = observe(net(), batch_size=2)
    with pytest.raises(NotApplicable, match="needs a batch of one example; this batch has 2"):
        LastLayer()(seen)
    one, *_ = observe(net(), batch_size=1)
    for other in (
        replace(one, gradients={"1.weight": one.gradients["1.weight"]}),
        replace(one, task=replace(one.task, last_linear=None, last_bias=None)),
    ):
        with pytest.raises(NotApplicable, match="the gradient of its weight or bias"):
            LastLayer()(other)


@pytest.mark.parametrize(("rule", "read"), [(SignRule(), "3.weight"), (BiasRule(), "3.bias")])
def test_sign_and_bias_each_read_one_tensor_and_refuse_its_absence(rule, read) -> None:
    seen, _, labels = observe(net(), victims=30, batch_size=1)
    only = replace(seen, gradients={read: seen.gradients[read]})
    rule.check(only)
    assert torch.equal(rule(only), labels)
    with pytest.raises(NotApplicable, match="label inference needs a"):
        rule.check(replace(seen, gradients={"1.weight": seen.gradients["1.weight"]}))
    with pytest.raises(NotApplicable, match="needs a batch of one example; this batch has 2"):
        rule(observe(net(), batch_size=2)[0])
