"""Protects: every model of sentences can be differentiated twice and mapped, and padding never matters."""

import functools

import pytest
import torch
from torch.func import functional_call, grad, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.errors import UserError
from bench.models.text.token_loss import cross_entropy

TINY = [
    ("bert_tiny", "classification"),
    ("bert_tiny", "masked"),
    ("gpt2_tiny", "causal"),
    ("gpt2_tiny", "classification"),
]
CASES = [*TINY, ("minilm", "classification")]


@pytest.fixture(scope="module")
def cell(shared_data):
    """`(model, victims, tokenizer)` of two victims of two CoLA sentences, from the YAML files; float64."""

    @functools.cache
    def make(name, head, *overrides):
        cola = [
            "data=text_file",
            f"data.root={shared_data / 'text' / 'cola.tsv'}",
            "data.tokens=10",
            "data.batch_size=2",
        ]
        cfg = compose([f"model={name}", f"model.head={head}", *cola, *overrides])
        data = instantiate(cfg.data, "data")
        tokenizer = data.adopt(instantiate(cfg.model.vocabulary, "model.vocabulary").make, head)
        data.setup("test")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            runtime = {"shape": data.shape, "classes": data.classes, "tokenizer": tokenizer}
            model = instantiate(cfg.model, "model", **runtime)
        if (
            name == "minilm"
        ):  # two layers of the six: what is tested of a layer is not tested better by three times as many
            model.network.bert.encoder.layer = model.network.bert.encoder.layer[:2]
        return model.double().eval(), data.deal(range(2)), tokenizer

    return make


def gradient(model):
    """`(parameters, inputs, mask, labels) -> {name: gradient}` for one victim."""

    def loss(parameters, inputs, mask, labels):
        return cross_entropy(functional_call(model, parameters, (inputs, mask)), labels)

    return grad(loss)


def named(model):
    return {name: value.detach() for name, value in model.named_parameters()}


def test_every_text_model_is_among_the_cases_or_needs_a_hub():
    with_vocabulary = {n for n, entry in options.entries("model").items() if "vocabulary:" in entry.path.read_text()}
    assert with_vocabulary == {name for name, _ in CASES} | {"huggingface"}


@pytest.mark.parametrize(("name", "head"), CASES)
def test_tokens_and_their_embeddings_are_the_same_to_it(cell, minilm, name, head):
    model, victims, tokenizer = cell(name, head)
    inputs, mask = victims.inputs[0], victims.mask[0]
    logits = model(inputs, mask)
    classes = 2 if head == "classification" else model.get_parameter(model.embedding).shape[0]
    assert logits.shape == ((2, classes) if head == "classification" else (*inputs.shape, classes))
    assert torch.equal(logits, model(model.embed(inputs), mask))
    assert model.tied is (head != "classification") and model.width == model.embed(inputs).shape[-1]
    assert len(tokenizer) == model.get_parameter(model.embedding).shape[0]
    assert model.get_parameter(model.position).shape[1] == model.width


@pytest.mark.parametrize(("name", "head"), CASES)
def test_the_gradient_of_a_gradient_is_what_finite_differences_give(cell, minilm, name, head):
    """Central differences of step 1e-5 in float64: their error is of the order 1e-10 of the slope."""
    model, victims, _ = cell(name, head)
    weights, mask, labels = named(model), victims.mask[0], victims.labels[0]
    shared = gradient(model)

    def size(embedded):
        found = shared(weights, embedded, mask, labels)
        return sum(value.square().sum() for value in found.values())

    embedded = model.embed(victims.inputs[0]).detach()
    slope = grad(size)(embedded)
    along = torch.randn(embedded.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    numeric = (size(embedded + 1e-5 * along) - size(embedded - 1e-5 * along)) / 2e-5
    assert (slope * along).sum().item() == pytest.approx(numeric.item(), rel=1e-6)
    assert (slope[~mask] == 0).all() and slope[mask].abs().sum() > 0


def matching(model, victims):
    """`(distance, targets)`: of one victim, how far the gradient of embeddings is from a target; and the targets."""
    shared, weights = gradient(model), named(model)

    def distance(embedded, mask, labels, target):
        found = shared(weights, embedded, mask, labels)
        return sum((found[key] - target[key]).square().sum() for key in found if key != model.embedding)

    return distance, vmap(shared, (None, 0, 0, 0))(weights, victims.inputs, victims.mask, victims.labels)


@pytest.mark.parametrize(("name", "head"), [*TINY, pytest.param(*CASES[-1], marks=pytest.mark.slow)])
def test_many_victims_are_each_alone(cell, minilm, name, head):
    """Rounding apart: sums run in another order."""
    model, victims, _ = cell(name, head)
    distance, targets = matching(model, victims)
    dummies = torch.randn(*victims.inputs.shape, model.width, dtype=torch.float64)
    together = vmap(grad(distance))(dummies, victims.mask, victims.labels, targets)
    for v in range(2):
        target = gradient(model)(named(model), victims.inputs[v], victims.mask[v], victims.labels[v])
        alone = grad(distance)(dummies[v], victims.mask[v], victims.labels[v], target)
        torch.testing.assert_close(alone, together[v], rtol=1e-9, atol=1e-12)
    exact = vmap(distance)(model.embed(victims.inputs).detach(), victims.mask, victims.labels, targets)
    assert (exact < 1e-20).all()  # the true embeddings match what was shared


@pytest.mark.parametrize(("name", "head"), [TINY[0], TINY[2]])
def test_the_gradient_can_be_traced(cell, name, head):
    """No branch of the model looks at a value."""
    model, victims, _ = cell(name, head, "model.layers=1", "model.vocabulary.size=400")
    arguments = (named(model), victims.inputs, victims.mask, victims.labels)
    several = vmap(gradient(model), (None, 0, 0, 0))
    expected = several(*arguments)
    for key, value in make_fx(several)(*arguments)(*arguments).items():
        torch.testing.assert_close(value, expected[key], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "head"), [TINY[0], TINY[2]])
def test_the_step_can_be_traced(cell, name, head):
    """What `torch.compile` is given: the gradient of a distance between gradients."""
    model, victims, _ = cell(name, head, "model.layers=1", "model.vocabulary.size=400")
    distance, targets = matching(model, victims)
    dummies = torch.randn(*victims.inputs.shape, model.width, dtype=torch.float64)
    arguments = (dummies, victims.mask, victims.labels, targets)
    step = vmap(grad(distance))
    torch.testing.assert_close(make_fx(step)(*arguments)(*arguments), step(*arguments), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "head"), TINY)
def test_padding_changes_nothing(cell, name, head):
    model, victims, tokenizer = cell(name, head)
    inputs, mask, labels = victims.inputs[0], victims.mask[0], victims.labels[0]
    wide = torch.cat([inputs, torch.full((2, 3), tokenizer.pad)], 1)
    wide_mask = torch.cat([mask, torch.zeros(2, 3, dtype=torch.bool)], 1)
    wide_labels = labels if labels.dim() == 1 else torch.cat([labels, torch.full((2, 3), -100)], 1)
    narrow, other = (
        gradient(model)(named(model), *arguments)
        for arguments in ((inputs, mask, labels), (wide, wide_mask, wide_labels))
    )
    for key, value in narrow.items():
        torch.testing.assert_close(value, other[key], rtol=1e-9, atol=1e-12)


def test_a_causal_row_knows_only_what_comes_before_it(cell):
    model, victims, _ = cell("gpt2_tiny", "causal")
    inputs, mask = victims.inputs[0], victims.mask[0]
    changed = inputs.clone()
    changed[:, 3] = 7
    differs = (model(inputs, mask) != model(changed, mask)).any(-1)
    assert not differs[:, :4].any() and differs[:, 4].all()
    assert (model(inputs, mask)[:, 0] == 0).all()


def test_the_rows_of_the_embeddings_gradient_are_the_words_where_it_is_not_tied(cell):
    model, victims, _ = cell("bert_tiny", "classification")
    found = gradient(model)(named(model), victims.inputs[0], victims.mask[0], victims.labels[0])[model.embedding]
    rows = set(found.abs().sum(1).nonzero().flatten().tolist())
    assert rows == set(victims.inputs[0][victims.mask[0]].tolist())


def test_the_same_seed_draws_the_same_weights_of_the_stated_deviation(cell):
    one, other = (cell("bert_tiny", "classification", "model.init_range=0.3", f"data.victims={n}")[0] for n in (1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    weight = one.network.bert.encoder.layer[0].intermediate.dense.weight
    assert weight.std().item() == pytest.approx(0.3, rel=0.03)  # of 16,384 numbers: four standard errors are 0.022


def test_it_runs_in_train_mode_without_dropout(cell):
    model, victims, _ = cell("bert_tiny", "classification")
    assert torch.equal(
        model.train()(victims.inputs[0], victims.mask[0]), model.eval()(victims.inputs[0], victims.mask[0])
    )


@pytest.mark.parametrize(
    ("name", "head", "override", "sentence"),
    [
        ("bert_tiny", "causal", "seed=0", r"model: head='causal': BERT looks both ways; want classification or masked"),
        ("gpt2_tiny", "masked", "data.hidden=0", r"model: head='masked': GPT-2 looks back only"),
        (
            "bert_tiny",
            "classification",
            "model.positions=4",
            r"model: sentences of 10 tokens do not fit into 4 positions",
        ),
        ("bert_tiny", "classification", "model.init_range=0", r"model: init_range=0.*: must be > 0"),
        ("bert_tiny", "clasification", "seed=0", r"head=clasification: must be one of classification, masked, causal"),
        (
            "minilm",
            "masked",
            "model.weights=/nowhere",
            r"weights of MiniLM are not in /nowhere; run: leakbench prepare",
        ),
    ],
)
def test_refusals(cell, minilm, name, head, override, sentence):
    with pytest.raises(UserError, match=sentence):
        cell(name, head, override)


def test_images_are_refused():
    cfg = compose(["model=bert_tiny"])
    tokenizer = instantiate(cfg.model.vocabulary, "model.vocabulary").make(("a sentence",))
    with pytest.raises(UserError, match="a model of text needs sentences: say data=sentences"):
        instantiate(cfg.model, "model", shape=(3, 32, 32), classes=10, tokenizer=tokenizer)
