"""Only what is trained is shared: of every model, through every defence, and for the attacker that knows the rest."""

import functools

import pytest
import torch
from defenses.trees import local
from omegaconf import OmegaConf
from sentence_cells import QUICK as SENTENCES
from torch import nn

import bench
from bench.config import options
from bench.config.compose import compose
from bench.engine.rng import seeded
from bench.errors import NotApplicable, UserError
from bench.leakage import claims
from bench.models.losses import loss_of
from bench.models.text.base import pack
from bench.running.components import build, defense_of, facts_of, model_builder, read_contents
from bench.training.classifier import Classifier
from bench.training.schedule import TrainingSchedule

QUICK = ("logger=none", "engine.threads=1", "engine.compile=false", "metric=mse", "attack=noise")
MNIST = ("data.set=mnist", "model.width=4")
NARROW = dict.fromkeys(("resnet20", "resnet56", "resnet56_dlg"), ("model.blocks=1", *MNIST))
NARROW |= dict.fromkeys(("convnet16", "resnet18", "vgg11", "mlp", "mlp_wide"), MNIST)
NARROW["vit_tiny"] = ("data.set=mnist", "model.width=12", "model.feed_forward=8")
NARROW["efficientnet_lite0"] = ("data.set=mnist", "model.weights=null")  # no file is needed for this
OWN = "model=custom", "model.target=contracts.test_shared_parameters:half_used", "data.set=mnist"
# `custom` is a function of the user's, tried below; `convnet64` is `convnet16`; two read pretrained weights
OTHERS = ("custom", "convnet64", "huggingface", "minilm")
MODELS = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "efficientnet_lite0" else [])  # it has no narrow form
    for name in options.entries("model")
    if name not in OTHERS
]
# two change the model itself, and so which parameters there are (tests/defenses/test_precode.py, test_lora.py)
DEFENSES = [name for name in options.entries("defense") if name not in ("none", "precode", "lora")]


def half_used(shape, classes):
    """A frozen first layer, a trained last one, and a trained tensor that the loss does not see."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 6), nn.Sigmoid(), nn.Linear(6, classes))
    net[1].requires_grad_(False)
    net.register_parameter("beside", nn.Parameter(torch.ones(3)))
    return net


def cell(*overrides):
    return build(compose([*QUICK, *overrides]))


@functools.cache
def config_of(name):
    """The config of a small cell with this model; tests leave it as it is."""
    chosen = [f"model={name}", *QUICK, *NARROW.get(name, ("data.set=mnist",))]
    if "vocabulary" in OmegaConf.load(options.entries("model")[name].path):
        chosen = [f"model={name}", *SENTENCES, "metric=exact_match", "attack=noise"]
    return compose(chosen)


@functools.cache
def whole(name):
    """What makes this model with all its parameters trained."""
    cfg = config_of(name)
    data = read_contents(cfg)
    return model_builder(cfg.model, facts_of(data.data, data.tokenizer))


def names_of(name):
    """Every second parameter of a model."""
    return [key for key, _ in whole(name)().named_parameters()][::2]


def of_model(name, *defense):
    """A cell with this model, which shares every second parameter, and a defence."""
    changed = config_of(name).copy()
    changed.model.shared, changed.defense = names_of(name), compose(list(defense)).defense
    return build(changed)


def length(gradients):
    return torch.stack([value.flatten(1).square().sum(1) for value in gradients.values()]).sum(0).sqrt()


def unfrozen(built, name, victims, place):
    """A victim's model without frozen parameters, and the gradient of its loss by autograd."""
    cfg = config_of(name)
    with seeded(cfg.seed, "model", *([int(victims.ids[place])] if cfg.model.per_victim else [])):
        net = whole(name)().eval()
    inputs = victims.inputs if victims.mask is None else pack(victims.inputs, victims.mask)
    loss_of(cfg.model.loss)(net(inputs[place]), victims.labels[place]).backward()
    return dict(net.named_parameters())


@pytest.mark.parametrize("name", MODELS)
def test_no_gradient_of_a_frozen_tensor_is_observed_and_the_others_are_what_they_were(name):
    """What is shared is clipped; by the whole model's norm it would be shorter."""
    built, chosen = of_model(name, "defense=clip", "defense.norm=1e-3"), names_of(name)
    victims = built.data.deal([0, 3])
    seen = built.client.share(victims)
    assert set(seen.gradients) == set(chosen)
    torch.testing.assert_close(length(seen.gradients), torch.tensor([1e-3, 1e-3]), rtol=1e-3, atol=0)
    check_sizes(built, victims, chosen)
    for place in range(2):
        every = unfrozen(built, name, victims, place)
        assert set(chosen) < set(every)
        # the attacker knows what is frozen
        assert set(seen.parameters) == set(every)
        assert all(torch.equal(value[place], every[key]) for key, value in seen.parameters.items())
        norm = torch.stack([every[key].grad.square().sum() for key in chosen]).sum().sqrt()
        for key, value in seen.gradients.items():
            torch.testing.assert_close(value[place] * norm * 1e3, every[key].grad, rtol=1e-3, atol=1e-6)
    # and its own gradient is of the trained ones
    if seen.task.language is None:
        held = ({key: value[1] for key, value in group.items()} for group in (seen.parameters, seen.buffers))
        own = seen.task.gradient(*held, victims.inputs[1], victims.labels[1])
        assert set(own) == set(chosen)
        for key, value in own.items():
            torch.testing.assert_close(value, every[key].grad, rtol=1e-3, atol=1e-6)


def check_sizes(built, victims, chosen):
    """Bytes and numbers of entries are those of what is shared."""
    entries = sum(built.client.model.get_parameter(key).numel() for key in chosen)
    facts = built.client.facts_of_defense(victims)
    assert facts["bytes"] == 4 * entries and built.client.facts.parameters == entries
    every = sum(value.numel() for value in built.client.model.parameters())
    assert built.client.facts.frozen == every - entries > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_norm_of_an_examples_gradient_is_of_what_is_shared_only(name):
    built = of_model(name, "defense=dp_sgd", "defense.norm=1e-3", "defense.noise_multiplier=0.0")
    victims = built.data.deal([0])
    torch.testing.assert_close(length(built.client.share(victims).gradients), torch.tensor([1e-3]), rtol=1e-3, atol=0)
    check_sizes(built, victims, names_of(name))


@functools.cache
def own_config():
    return compose([*QUICK, *OWN, "data.batch_size=2"])


@pytest.mark.parametrize("name", DEFENSES)
def test_a_defence_deals_with_frozen_and_unused_parameters(name):
    """A trained tensor that does not enter the loss has a gradient of zeros: nothing divides by its length."""
    changed = own_config().copy()
    changed.defense = compose([f"defense={name}"]).defense
    built = build(changed)
    seen = built.client.share(built.data.deal([0, 1]))
    assert set(seen.gradients) == {"beside", "3.weight", "3.bias"} and "1.weight" in seen.parameters
    assert all(torch.isfinite(value).all() for value in seen.gradients.values())
    assert built.client.facts_of_defense(built.data.deal([0]))["bytes"] <= 4 * (3 + 60 + 10)


def test_a_trained_tensor_that_does_not_enter_the_loss_shares_zeros():
    built = cell(*OWN, "data.batch_size=2")
    assert (built.client.share(built.data.deal([0])).gradients["beside"] == 0).all()


@pytest.mark.parametrize("attack", ["idlg", "dlg", "inverting_gradients"])
def test_an_attack_runs_on_what_is_shared(attack):
    built = cell(*OWN, f"attack={attack}", "attack.evaluations=5")
    (guess,) = claims(built.attack, built.client.share(built.data.deal([0])), 0)
    assert torch.isfinite(guess.inputs).all() and not guess.status[0].failed


def test_ten_numbers_give_the_label_and_not_the_image():
    """The audit takes the module's own word for what is trained; the bias of the last layer names the label."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Sigmoid(), nn.Flatten(), nn.Linear(8 * 64, 10))
    image, label = torch.rand(1, 1, 8, 8), torch.tensor([7])
    quick = ("metric=mse", "attack.evaluations=60")
    whole = bench.audit(net, nn.functional.cross_entropy, (image, label), overrides=quick)
    part = bench.audit(net, nn.functional.cross_entropy, (image, label), overrides=(*quick, "model.shared=[3.bias]"))
    net.requires_grad_(False)
    net[3].bias.requires_grad_(True)
    frozen = bench.audit(net, nn.functional.cross_entropy, (image, label), overrides=quick)
    assert whole.leaks and not part.leaks and not frozen.leaks
    assert torch.equal(part.inputs, frozen.inputs) and frozen.labels.tolist() == [7]
    assert float(frozen.scores["mse"]) > 0.03  # an even gray is at 1/12


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.shared=[heads.*]"], r"model.shared: 'heads.\*' matches no parameter; there are body.1.weight"),
        (["model.shared=[]"], r"nothing is shared \(null shares every trainable parameter\)"),
        (
            [*OWN, "model.shared=['1.*']"],
            r"'1.\*' matches only frozen parameters \(1.weight, 1.bias\); there are beside",
        ),
        (
            ["attack=idlg", "model.shared=['body.1.*']"],
            "the last layer's weight or bias, and the client shares neither",
        ),
        ([*OWN, "model.shared=[beside]"], "no trainable parameter enters the loss"),
        (["defense=soteria", "model.shared=['body.1.*']"], r"defense Soteria masks the gradient of \S+, which is not"),
        ([*OWN, "model.target=contracts.test_shared_parameters:all_frozen"], "Flatten|Sequential has no trainable"),
    ],
)
def test_what_cannot_be_shared_is_one_line(overrides, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        cell(*overrides)
    assert "\n" not in str(caught.value)


def all_frozen(shape, classes):
    return half_used(shape, classes).requires_grad_(False)


def test_attacks_on_sentences_say_what_they_miss():
    quick = [*SENTENCES, "model=bert_tiny", "metric=exact_match"]
    with pytest.raises(
        NotApplicable, match="first two attention layers' query, key and value, and the client does not"
    ):
        cell(*quick, "model.layers=2", "attack=dager", "model.shared=['*classifier*','*output*']")
    with pytest.raises(NotApplicable, match="needs the word embedding's gradient"):
        cell(*quick, "attack=bag_of_words", "model.shared=['*output*']")
    embedding = whole("bert_tiny")().embedding
    with pytest.raises(NotApplicable, match="trains the word embedding alone"):
        cell(*quick, f"model.shared=[{embedding}]", "threat=embedding_frozen")


@pytest.mark.parametrize("defense", ["none", "local_steps", "dgc", "dp_sgd"])
def test_training_moves_what_is_trained_and_nothing_else(defense):
    torch.manual_seed(0)
    net = half_used((1, 4, 4), 3).train()
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    schedule = TrainingSchedule("held_out", 12, 6, 0, "shuffle", 4, 0.1, 0.9, 0.0, "constant", 1, 1, [])
    protection = defense_of(compose([f"defense={defense}"]).defense)
    facts = local(model=net, last_linear="3.weight")
    module = Classifier(net, loss_of("cross_entropy"), protection, facts, schedule=schedule, steps=3, seed=0)
    ((optimiser,), _) = module.configure_optimizers()
    shared = module._shared(torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 2, 0]))
    assert list(shared) == ["beside", "3.weight", "3.bias"]
    for name, value in shared.items():
        net.get_parameter(name).grad = value
    optimiser.step()
    moved = {name for name, value in net.named_parameters() if not torch.equal(value, before[name])}
    assert moved - {"beside"} == {"3.weight", "3.bias"} and sum(len(g["params"]) for g in optimiser.param_groups) == 3


def test_the_setting_tells_cells_apart():
    from bench.results.identity import identity

    given = {name: OmegaConf.to_container(compose(over), resolve=True) for name, over in CELLS.items()}
    assert len({identity(config, {}) for config in given.values()}) == 3


CELLS = {"null": [], "head": ["model.shared=[fc.*]"], "body": ["model.shared=[body.*]"]}


def test_every_model_of_configs_says_what_it_shares():
    for name in options.entries("model"):
        assert OmegaConf.load(options.entries("model")[name].path).shared is None


def test_the_loop_as_published_compares_what_is_shared():
    from bench.speed.sequential import SequentialLoop

    built = cell(*OWN, "attack=idlg")
    victims = built.data.deal([0])
    loop = SequentialLoop(built.client.model, loss_of("cross_entropy"), built.client.share(victims), victims.labels)
    loop._load(0)
    assert loop.names == ["beside", "3.weight", "3.bias"]
    assert loop.objective(0, victims.inputs[0].flatten()).item() < 1e-10
