"""LoRA: which matrix tells what at which step, by the formulas, and the test of inputs against the span they leave."""

import pytest
import torch
from torch import Tensor

from bench.attacks.exact.span_check import span_of
from bench.config.compose import compose
from bench.defenses.lora import LoRA
from bench.engine.cramer_rao import determination
from bench.engine.residuals import jacobian
from bench.errors import NotApplicable
from bench.models.text.base import pack
from bench.running.components import Components, build
from bench.running.training_components import build as build_training
from bench.running.training_components import classifier, read_data

VIT = ("model=vit_tiny", "data.set=cifar10", "data.size=16", "metric=mse")
BERT = ("model=bert_tiny", "data=sentences", "metric=exact_match")
QUERIES = "defense.layers=['*.query','*.value']"
FIRST = {"vit": "layers.0.attention.query", "bert": "network.bert.encoder.layer.0.attention.self.query"}


def made(*overrides: str) -> Components:
    return build(
        compose(["defense=lora", "attack=noise", "logger=none", "engine.threads=1", "engine.dtype=float64", *overrides])
    )


def first_inputs(built: Components, kind: str) -> tuple[dict[str, Tensor], Tensor]:
    """The parameters of victim 0's model, and the inputs `[n, d]` of its first query at its real tokens."""
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    parameters = {name: value[0] for name, value in seen.parameters.items()}
    held: list[Tensor] = []
    model = built.client.model.double()
    hook = model.get_submodule(FIRST[kind]).register_forward_pre_hook(lambda _module, given: held.append(given[0]))
    whole = (parameters, {name: value[0] for name, value in seen.buffers.items()})
    inputs = victims.inputs[0].double() if victims.mask is None else pack(victims.inputs[0], victims.mask[0])
    torch.func.functional_call(model, whole, (inputs,))
    hook.remove()
    real = held[0] if victims.mask is None else held[0][victims.mask[0]]
    return {name: value[0] for name, value in seen.gradients.items()}, real.flatten(0, -2)


@pytest.mark.parametrize(("kind", "words"), [("vit", VIT), ("bert", BERT)])
def test_at_the_first_step_the_gradient_of_a_is_zero_and_b_tells_inputs_as_a_sees_them(kind: str, words) -> None:
    """In float64, whose rounding is 1e-13 here; inputs that were not there are as far as random directions."""
    built = made(*words, "defense.rank=32", QUERIES)
    shared, inputs = first_inputs(built, kind)
    assert all((value == 0).all() for name, value in shared.items() if name.endswith("lora_A.weight"))
    own, rows = shared[f"{FIRST[kind]}.lora_B.weight"], span_of([shared[f"{FIRST[kind]}.lora_B.weight"]], 1e-9, 99)
    a = built.client._weights(torch.tensor([0]), own.device)[0][f"{FIRST[kind]}.lora_A.weight"][0].double()
    assert own.shape == (inputs.shape[1], 32) and len(inputs) < 32
    assert len(rows.basis) <= len(inputs)
    seen = inputs @ a.mT
    assert rows.distance(seen).max() < 1e-6
    g = torch.Generator().manual_seed(0)
    assert rows.distance(torch.randn(50, inputs.shape[1], generator=g, dtype=torch.float64) @ a.mT).min() > 0.1


@pytest.mark.parametrize(("kind", "words"), [("vit", VIT), ("bert", BERT)])
def test_at_a_later_step_the_gradient_of_a_tells_the_inputs_themselves(kind: str, words) -> None:
    built = made(*words, "defense.rank=32", "defense.start=0.1", QUERIES)
    shared, inputs = first_inputs(built, kind)
    rows = span_of([shared[f"{FIRST[kind]}.lora_A.weight"]], 1e-9, 99)
    assert len(rows.basis) <= len(inputs) < 32 and rows.distance(inputs).max() < 1e-6
    g = torch.Generator().manual_seed(0)
    strangers = torch.randn(50, inputs.shape[1], generator=g, dtype=torch.float64)
    assert rows.distance(strangers).min() > 0.1


@pytest.mark.parametrize("start", [0.0, 0.2])
def test_both_gradients_are_those_of_the_formulas(start: float) -> None:
    """One linear layer under a cross entropy, of which D = (softmax - one-hot) / B is known."""
    words = ("data.set=mnist", "data.size=6", "model=custom", "model.target=defenses.test_lora:Plain", "metric=mse")
    built = made(*words, "data.batch_size=3", "defense.rank=2", "defense.alpha=6", f"defense.start={start}")
    victims = built.data.deal([1])
    seen = built.client.share(victims)
    assert list(seen.gradients) == ["fc.lora_A.weight", "fc.lora_B.weight"]
    own = {name: value[0] for name, value in seen.parameters.items()}
    x, a, b = victims.inputs[0].flatten(1).double(), own["fc.lora_A.weight"], own["fc.lora_B.weight"]
    logits = x @ (own["fc.weight"] + 3 * b @ a).mT + own["fc.bias"]
    d = (logits.softmax(1) - torch.nn.functional.one_hot(victims.labels[0], 10)) / 3
    torch.testing.assert_close(seen.gradients["fc.lora_B.weight"][0], 3 * d.mT @ (x @ a.mT))
    torch.testing.assert_close(seen.gradients["fc.lora_A.weight"][0], 3 * b.mT @ d.mT @ x)
    assert (seen.gradients["fc.lora_A.weight"] == 0).all() == (start == 0)


def test_adapters_of_one_layer_do_not_determine_images_and_the_limit_says_so() -> None:
    """dB is a sum of B = 2 products of a row of D and one of H A^T, and the entries of a row of D sum to 0: a matrix of
    rank 2 that lives in 9 x 8 entries has 2 (9 + 8 - 2) = 30 degrees of freedom, whatever the 72 pixels are."""
    words = ("data.set=mnist", "data.size=6", "data.batch_size=2", "model.width=3", "model.strides=[1,1,1]")
    built = made(*words, "metric=mse")
    victim = built.data.deal([0])
    found = determination(jacobian(built.client.update_as_function(victim), victim.inputs.flatten().double()))
    assert found.rank == 30 and not found.determined


class Plain(torch.nn.Module):
    """A linear classifier."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(shape[0] * shape[1] * shape[2], classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(images.flatten(1))
        return logits


def test_further_parameters_may_be_shared_and_bytes_are_those_of_what_is() -> None:
    built, plain = made(*VIT, QUERIES, "defense.shared=['fc.*']"), made(*VIT, "defense=none")
    victims = built.data.deal([0, 2])
    seen, whole = built.client.share(victims), plain.client.share(victims)
    assert {"fc.weight", "fc.bias"} < set(seen.gradients)
    assert all("lora_" in name for name in set(seen.gradients) - {"fc.weight", "fc.bias"})
    assert all(torch.equal(seen.parameters[name], value) for name, value in whole.parameters.items())
    torch.testing.assert_close(seen.gradients["fc.weight"], whole.gradients["fc.weight"])  # B = 0: the same output
    entries = sum(value[0].numel() for value in seen.gradients.values())
    assert built.client.facts.parameters == entries == 2 * 2 * 2 * 8 * 192 + 192 * 10 + 10
    assert built.client.facts_of_defense(victims)["bytes"] == 4 * entries
    assert built.client.facts.frozen == sum(value[0].numel() for value in seen.parameters.values()) - entries


def test_what_matches_nothing_is_one_line() -> None:
    with pytest.raises(NotApplicable, match=r"layers: '\*.querry' matches no linear layer \(there are: embedding, "):
        made(*VIT, "defense.layers=['*.querry']")
    with pytest.raises(NotApplicable, match=r"shared: 'head.*' matches no parameter"):
        made(*VIT, "defense.shared=['head.*']")


def test_adapters_are_added_once() -> None:
    with pytest.raises(NotApplicable, match="the model has adapters already"):
        made(*VIT, "defense=stack", "defense.parts=[lora,lora]")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [((0, 1.0, None, [], 0.0), "rank=0"), ((1, 0.0, None, [], 0.0), "alpha=0"), ((1, 1.0, None, [], -1.0), "start=-1")],
)
def test_arguments_out_of_range_are_refused(arguments: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LoRA(*arguments)


def test_a_training_moves_adapters_and_nothing_else() -> None:
    words = ("training=held_out", "training.train=12", "training.test=6", "training.batch_size=4", "training.epochs=1")
    cfg = compose(["data.set=mnist", "logger=none", "trainer=cpu", "engine.threads=1", "defense=lora", *words])
    module = classifier(cfg, build_training(cfg, read_data(cfg)), 0)
    assert list(module._shapes) == ["fc.lora_A.weight", "fc.lora_B.weight"]
    (sgd,), _ = module.configure_optimizers()
    assert sum(value.numel() for group in sgd.param_groups for value in group["params"]) == 8 * (588 + 10)
