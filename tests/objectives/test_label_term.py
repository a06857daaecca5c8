"""Protects: the term on the prediction is the squared error of the dummy's probabilities against the label."""

import pytest
import torch
from observations import net, observe
from torch.func import functional_call

from bench.objectives.label_term import LabelTerm


def test_the_term_is_the_squared_error_of_the_prediction_of_a_single_example() -> None:
    model = net()
    seen, images, labels = observe(model, batch_size=1)
    for i in range(len(seen)):
        parameters = {name: value[i] for name, value in seen.parameters.items()}
        guess = images[i].flip(-1)
        gradient = {n: v[None] for n, v in seen.task.gradient(parameters, {}, guess, labels[i]).items()}
        observed = {name: value[i : i + 1] for name, value in seen.gradients.items()}
        probabilities = functional_call(model, parameters, (guess,)).softmax(-1)[0]
        probabilities[labels[i, 0]] -= 1
        squares = sum((gradient[name] - observed[name]).square().sum() for name in observed)
        expected = 3.0 * (squares + 0.5 * probabilities.square().sum())
        found = LabelTerm(0.5, 3.0).at("3.bias")(gradient, observed)
        torch.testing.assert_close(found, expected.unsqueeze(0), atol=1e-14, rtol=1e-12)
        torch.testing.assert_close(LabelTerm(0.5, 3.0)(gradient, observed), 3.0 * squares.unsqueeze(0))


@pytest.mark.parametrize(("weight", "scale"), [(-1.0, 1.0), (1.0, 0.0)])
def test_numbers_out_of_range_are_refused(weight, scale) -> None:
    with pytest.raises(ValueError, match="must be"):
        LabelTerm(weight, scale)
