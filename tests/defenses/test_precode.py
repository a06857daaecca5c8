"""PRECODE: the client's gradient with drawn noise by autograd, what an attacker is told, and what it cannot stop."""

import re

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.defenses.precode import Precode
from bench.engine.rng import VictimRng, seeded
from bench.errors import NotApplicable
from bench.messages.status import Status
from bench.models.bottleneck import divergence, mean_and_deviation
from bench.running.components import build
from bench.running.training_components import build as build_training
from bench.running.training_components import classifier, read_data

SMALL = ("attack=noise", "data.set=mnist", "data.size=8", "data.batch_size=2", "model.width=3", "threat=adaptive")
NOISE = "fc.precode.latent.noise"


def drawn(victim: int, seed: int = 0) -> torch.Tensor:
    """The noise of a batch of two in the run of seed 0."""
    return VictimRng((0, "defense", victim)).child(0, seed).normal({NOISE: (2, 16)})[NOISE]


def small(parties, *overrides: str):
    return parties(*SMALL, "defense=precode", "defense.width=16", *overrides)


@pytest.mark.parametrize("per_victim", ["true", "false"])
def test_what_is_shared_is_the_gradient_with_the_victims_own_noise_by_autograd(parties, per_victim: str) -> None:
    """In float64, where two ways to sum differ by 1e-13 or so."""
    built = small(parties, "engine.dtype=float64", f"model.per_victim={per_victim}", "defense.beta=0.1")
    victims = built.data.deal([0, 3])
    seen = built.client.share(victims)
    for place, victim in enumerate((0, 3)):
        own = {name: value[place].clone().requires_grad_() for name, value in seen.parameters.items()}
        noise, inputs = drawn(victim).double(), victims.inputs[place].double()
        statistics: list[torch.Tensor] = []
        encoder = built.client.model.get_submodule("fc.precode.encoder")
        hook = encoder.register_forward_hook(lambda m, i, o, kept=statistics: kept.append(o))
        logits = functional_call(built.client.model, ({**own}, {NOISE: noise}), (inputs,))
        hook.remove()
        bits = divergence(*mean_and_deviation(statistics[0])).mean() / torch.tensor(2.0).log().double()
        loss = functional.cross_entropy(logits, victims.labels[place]) + 0.1 * bits
        expected = torch.autograd.grad(loss, list(own.values()))
        for name, value in zip(own, expected):
            torch.testing.assert_close(seen.gradients[name][place], value)


def test_an_attacker_knows_the_model_and_the_loss_and_not_the_noise(parties) -> None:
    built = small(parties)
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    assert seen.buffers[NOISE].shape == (1, 1, 16) and (seen.buffers[NOISE] == 0).all()
    assert seen.defense is not None and seen.defense[0]["latent"] == NOISE and "seed" not in seen.defense[0]
    assert set(seen.gradients) == set(seen.parameters) and seen.task.last_linear == "fc.weight"
    assert built.client.facts.parameters == sum(value[0].numel() for value in seen.parameters.values())
    held = ({name: value[0] for name, value in group.items()} for group in (seen.parameters, seen.buffers))
    parameters, buffers = held
    for noise, same in ((buffers[NOISE], False), (drawn(0), True)):
        own = seen.task.gradient(parameters, {**buffers, NOISE: noise}, victims.inputs[0], victims.labels[0])
        assert all(torch.allclose(own[n], seen.gradients[n][0], rtol=1e-4, atol=1e-6) for n in own) == same


def test_the_rest_of_the_network_is_that_without_the_defence_and_victims_have_models_of_their_own(parties) -> None:
    seen, plain = (
        built.client.share(built.data.deal([0, 3])) for built in (small(parties), parties(*SMALL, "defense=none"))
    )
    assert set(plain.parameters) < set(seen.parameters)
    assert all(torch.equal(seen.parameters[name], value) for name, value in plain.parameters.items())
    encoder = seen.parameters["fc.precode.encoder.weight"]
    assert encoder.shape == (2, 32, 12) and not torch.equal(encoder[0], encoder[1])
    assert not torch.equal(drawn(0), drawn(3)) and not torch.equal(drawn(0), drawn(0, seed=1))


@pytest.mark.parametrize("after", ["dp_sgd", "clients: {clients: 2}", "local_steps: {steps: 2}", "clip", "lora"])
def test_every_sample_client_and_local_step_has_a_latent_of_its_own(parties, after: str) -> None:
    part = f"{{{after}}}" if ":" in after else after
    built = parties(*SMALL, "defense=stack", f"defense.parts=[{{precode: {{width: 16}}}},{part}]")
    seen = built.client.share(built.data.deal([0, 3]))
    assert built.client.runner.notes == [] and all(value.isfinite().all() for value in seen.gradients.values())
    noise = built.client.runner.step.noise({"w": (1,)}, 2, VictimRng((0,)))
    found = [leaf for leaf in torch.utils._pytree.tree_leaves(noise) if leaf.shape[-1:] == (16,)]
    assert sum(leaf.numel() for leaf in found) == {"local_steps: {steps: 2}": 64}.get(after, 32)
    rows = torch.cat([leaf.reshape(-1, 16) for leaf in found])
    assert len(rows.unique(dim=0)) == len(rows)


def test_the_mean_over_clients_is_that_of_their_own_latents(parties) -> None:
    """Two clients of one example each, by hand, with the noise that each drew."""
    built = parties(*SMALL, "defense=stack", "defense.parts=[{precode: {width: 16}},{clients: {clients: 2}}]")
    victims = built.data.deal([3])
    seen = built.client.share(victims)
    parameters = {name: value[0] for name, value in seen.parameters.items()}
    stream, total = VictimRng((0, "defense", 3)), {}
    for k in range(2):
        noise = stream.child("client", k).child(0, 0).normal({NOISE: (1, 16)})
        own = seen.task.gradient(parameters, noise, victims.inputs[0, k : k + 1], victims.labels[0, k : k + 1])
        total = {name: total.get(name, 0) + value / 2 for name, value in own.items()}
    for name, value in total.items():
        torch.testing.assert_close(seen.gradients[name][0], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_first_linear_layer_gives_its_inputs_away_as_before(parties, batch: int) -> None:
    """`linear_layer` reads a batch of one, and `spear` whole batches: neither looks above the first layer.

    The gradient is in float32, whose rounding is 6e-8 of an input of at most 1.
    """
    attack = "linear_layer" if batch == 1 else "spear"
    words = (f"attack={attack}", "data.set=cifar10", "data.size=12", f"data.batch_size={batch}", "model=mlp_wide")
    built = parties(*words, "threat=adaptive", "defense=precode", "engine.compile=false")
    victims = built.data.deal([0])
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert claim.status == [Status.CONVERGED]
    distances = (claim.inputs[0][:, None].float() - victims.inputs[0][None]).abs().flatten(2).amax(2)
    assert distances.amin(1).max() < 1e-4 and sorted(distances.argmin(1).tolist()) == list(range(batch))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=stack", "defense.parts=[clip,precode]"), "comes before the parts that act on gradients"),
        (("defense=precode", "defense.layer=fc9"), "no linear layer 'fc9' (there are: fc)"),
        (("defense=stack", "defense.parts=[precode,precode]"), "has a bottleneck already"),
        (
            ("defense=precode", "model=custom", "model.target=defenses.test_precode:Scaled"),
            "needs a model that ends in a linear layer, or defense.layer=NAME",
        ),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    words = [word for word in SMALL if "width" not in word or "custom" not in str(overrides)]
    with pytest.raises(NotApplicable, match=re.escape(sentence)):
        parties(*words, *overrides)


class Scaled(torch.nn.Module):
    """A network whose last linear layer is followed by a factor."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(shape[0] * shape[1] * shape[2], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 2 * self.fc(images.flatten(1))


def test_a_layer_that_is_named_may_lie_anywhere(parties) -> None:
    words = ("attack=noise", "data.set=mnist", "data.size=8", "model=mlp", "model.width=6", "threat=adaptive")
    built = parties(*words, "defense=precode", "defense.layer=body.4", "defense.width=4")
    seen = built.client.share(built.data.deal([0]))
    assert seen.gradients["body.4.precode.decoder.weight"].shape == (1, 6, 4)
    assert seen.task.last_linear == "fc.weight"


def test_sentences_have_a_latent_each_and_predicted_tokens_have_none() -> None:
    words = ["data=sentences", "attack=noise", "metric=exact_match", "logger=none", "defense=precode"]
    built = build(compose([*words, "model=bert_tiny"]))
    seen = built.client.share(built.data.deal([0, 1]))
    assert "network.classifier.precode.encoder.weight" in seen.gradients
    with pytest.raises(NotApplicable, match="this model predicts each token"):
        build(compose([*words, "model=gpt2_tiny"]))


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="width=0: must be >= 1"):
        Precode(0, 0.0, None, 0)
    with pytest.raises(ValueError, match=r"beta=-1\.0: must be >= 0"):
        Precode(1, -1.0, None, 0)


def test_a_training_is_of_the_changed_model_and_draws_noise_in_each_step() -> None:
    words = ("training=held_out", "training.train=12", "training.test=6", "training.batch_size=4", "training.epochs=1")
    cfg = compose(["data.set=mnist", "logger=none", "trainer=cpu", "engine.threads=1", "defense=precode", *words])
    trainee = build_training(cfg, read_data(cfg))
    module = classifier(cfg, trainee, 0)
    with seeded(cfg.seed, "training", 0):
        plain = instantiate(cfg.model, "model", shape=(1, 28, 28), classes=10)
    trained = dict(module.model.named_parameters())
    assert all(torch.equal(trained[name], value) for name, value in plain.named_parameters())
    assert "fc.precode.encoder.weight" in module._shapes
    inputs, labels = torch.rand(4, 1, 28, 28), torch.tensor([0, 1, 2, 3])
    first, again = module._shared(inputs, labels), module._shared(inputs, labels)
    assert all(torch.equal(first[name], value) for name, value in again.items())
    module.done += 1
    assert not torch.equal(module._shared(inputs, labels)["fc.weight"], first["fc.weight"])
    assert torch.equal(module.model(inputs), module.model(inputs)), "tested at the mean of the latent"


def test_batch_normalisation_is_trained_under_it() -> None:
    words = ("training=held_out", "training.train=12", "training.test=6", "training.batch_size=4", "model=resnet20")
    words += ("model.blocks=1", "data.set=cifar10")
    cfg = compose(["logger=none", "trainer=cpu", "engine.threads=1", "defense=precode", *words])
    trainee = build_training(cfg, read_data(cfg))
    assert trainee.local.batch_statistics and "fc.precode.decoder.bias" in classifier(cfg, trainee, 0)._shapes


def test_statistics_of_the_batch_are_granted_beside_it_and_are_those_without_it(parties) -> None:
    """BatchNorm reads what lies below the bottleneck, so the batch has one set of statistics, whatever the latent."""
    words = ("attack=noise", "data.set=cifar10", "data.size=8", "data.batch_size=2", "model=resnet20", "model.blocks=1")
    granted = ("model.mode=train", "threat=batchnorm_exact")
    seen, plain = (
        built.client.share(built.data.deal([0])).statistics
        for built in (parties(*words, *granted, "defense=precode"), parties(*words, *granted))
    )
    assert seen is not None and plain is not None and set(seen) == set(plain)
    assert all(torch.equal(seen[name], value) for name, value in plain.items())
