"""Protects: what attacks take for the input of an attention layer is what the layer is given in the whole network."""

import pytest
import torch
from sentence_cells import cola
from torch.func import functional_call

from bench.models.text.attention import additive, reader_of

CASES = [
    ("bert_tiny", "classification"),
    ("bert_tiny", "masked"),
    ("gpt2_tiny", "causal"),
    ("gpt2_tiny", "classification"),
    pytest.param("minilm", "classification", marks=pytest.mark.slow),
]


def built(shared_data, name, head, *overrides):
    few = ["data.tokens=10", "data.batch_size=3", "data.victims=2"]
    return cola(shared_data, "attack=noise", f"model={name}", f"model.head={head}", *few, *overrides)


@pytest.mark.parametrize(("name", "head"), CASES)
def test_it_is_what_a_hook_in_the_whole_network_sees(shared_data, minilm, name, head) -> None:
    """With the weights of a victim, which are not the model's own. Rounding apart; padding is read by nobody."""
    cell = built(shared_data, name, head)
    victims = cell.data.deal([1])
    seen = cell.client.share(victims)
    language, model = seen.task.language, cell.client.model
    weights = {key: value[0] for key, value in seen.parameters.items()}
    tokens, mask = victims.inputs[0], victims.mask[0]
    given = {}
    for layer, names in enumerate((language.first_attention, language.second_attention)):
        module = model.get_submodule(names[0].removesuffix(".weight"))
        module.register_forward_pre_hook(lambda _, inputs, layer=layer: given.update({layer: inputs[0]}))
        assert {*names} <= {*seen.gradients} and len(names) == (1 if name == "gpt2_tiny" else 3)
    with torch.no_grad():
        functional_call(model, weights, (tokens, mask))
        first, second = language.first_input(weights, tokens), language.second_input(weights, tokens, mask)
    torch.testing.assert_close(first, given[0])
    torch.testing.assert_close(second[mask], given[1][mask], rtol=1e-4, atol=1e-5)
    # each position alone, any leading dimensions
    torch.testing.assert_close(language.first_input(weights, tokens[None, :, :4]), first[None, :, :4])
    assert language.attention_layers == (6 if name == "minilm" else 2)


def test_the_gradient_of_the_projections_is_made_of_what_they_read(shared_data) -> None:
    """Each row of the gradient is a combination of inputs: least squares leaves nothing, in float32."""
    cell = built(shared_data, "bert_tiny", "classification")
    victims = cell.data.deal([0])
    seen = cell.client.share(victims)
    language = seen.task.language
    weights = {key: value[0] for key, value in seen.parameters.items()}
    inputs = language.first_input(weights, victims.inputs[0])[victims.mask[0]].double()
    for name in language.first_attention:
        rows = seen.gradients[name][0].double()
        left = rows - torch.linalg.lstsq(inputs.mT, rows.mT, driver="gelsd").solution.mT @ inputs
        assert left.norm() < 1e-5 * rows.norm()


def test_one_layer_has_no_second(shared_data) -> None:
    language = built(shared_data, "bert_tiny", "masked", "model.layers=1").client._language()
    assert language.second_input is None and language.second_attention == () and language.attention_layers == 1


def test_other_networks_are_not_taken_for_known_ones(shared_data) -> None:
    model = built(shared_data, "bert_tiny", "masked").client.model
    assert reader_of(model, model.network, model.embedding, causal=False) is None
    base = model.network.base_model
    base.embeddings_project = torch.nn.Linear(1, 1)  # ELECTRA has one: embeddings are not what attention reads
    assert reader_of(model, base, model.embedding, causal=False) is None


def test_the_mask_is_added_to_scores() -> None:
    mask = torch.tensor([[True, True, False]])
    for causal in (False, True):
        seen = additive(mask, torch.float64, causal)[0, 0] == 0
        assert torch.equal(seen, mask.expand(3, 3).tril() if causal else mask.expand(3, 3))
