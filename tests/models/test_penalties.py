"""Terms that layers add to the loss: collected at each call, with the tensors of that call, and nothing is left."""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from bench.models.introspect import gradient_of
from bench.models.penalties import Penalised, penalised_layers, penalties


class Decay(Penalised):
    """A linear map whose weight's square, times the mean square of its inputs, is added to the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weight

    def penalty(self, inputs: Tensor) -> Tensor:
        return self.weight.square().sum() * inputs.square().mean()


def test_the_gradient_is_that_of_the_loss_and_all_terms_written_out() -> None:
    model, inputs = nn.Sequential(Decay(), nn.Sigmoid(), Decay()), torch.tensor([[0.3, 0.9], [1.0, 0.1]]).double()
    labels = torch.tensor([0, 1])
    first, last = (model[i].weight.detach().clone().requires_grad_() for i in (0, 2))
    hidden = torch.sigmoid(inputs @ first)
    value = functional.cross_entropy(hidden @ last, labels)
    value = value + first.square().sum() * inputs.square().mean() + last.square().sum() * hidden.square().mean()
    expected = torch.autograd.grad(value, (first, last))
    held = {name: parameter.detach() for name, parameter in model.named_parameters()}
    found = gradient_of(model, functional.cross_entropy)(held, {}, inputs, labels)
    torch.testing.assert_close((found["0.weight"], found["2.weight"]), expected)


def test_terms_are_those_of_the_tensors_of_the_call_and_no_hook_stays() -> None:
    model, inputs = nn.Sequential(Decay()), torch.ones(1, 2, dtype=torch.float64)
    layers = penalised_layers(model)
    assert layers == [model[0]]
    with penalties(layers) as terms:
        functional_call(model, {"0.weight": torch.full((2, 2), 3.0, dtype=torch.float64)}, (inputs,))
    assert [float(term) for term in terms] == [36.0] and not model[0]._forward_pre_hooks
    model(inputs)
    assert len(terms) == 1


def test_a_model_without_such_layers_has_no_term() -> None:
    model = nn.Linear(2, 2)
    with penalties(penalised_layers(model)) as terms:
        model(torch.ones(1, 2))
    assert terms == []
