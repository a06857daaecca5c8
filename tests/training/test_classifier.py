"""Training under a defence: against plain loops written here, in numbers that are the optimiser's own."""

import math

import pytest
import pytorch_lightning as pl
import torch
from defenses.trees import local
from opacus.accountants import RDPAccountant

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.datamodules.labelled import LabelledSplit, held_out
from bench.engine.rng import seeded
from bench.running.components import defense_of
from bench.training.classifier import Classifier
from bench.training.schedule import TrainingSchedule

STEPS, BATCH, LR = 3, 4, 0.1


@pytest.fixture(scope="module")
def data():
    cfg = compose(["data=samples", "data.set=mnist"])
    samples = instantiate(cfg.data, "data")
    samples.setup()
    return held_out(samples, STEPS * BATCH, 6, 0)


def network():
    with seeded(0, "test"):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 6), torch.nn.Tanh(), torch.nn.Linear(6, 10))


def trained(data, overrides, epochs=1, momentum=0.0, seed=0):
    """The module after training, and its starting weights."""
    cfg = compose(overrides)
    schedule = TrainingSchedule("held_out", 12, 6, 0, "shuffle", BATCH, LR, momentum, 0.0, "constant", epochs, 1, [])
    model = network()
    context = local(model=model, batch_size=BATCH, last_linear="3.weight", batch_statistics=False)
    module = Classifier(
        model,
        torch.nn.functional.cross_entropy,
        defense_of(cfg.defense),
        context,
        schedule=schedule,
        steps=epochs * STEPS,
        seed=seed,
    )
    split = LabelledSplit(*data, BATCH, "shuffle", 0)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, split)
    trainer.test(module, split, verbose=False)
    return module


def batches(data, epochs=1):
    split = LabelledSplit(*data, BATCH, "shuffle", 0)
    loader = split.train_dataloader()
    return [batch for _ in range(epochs) for batch in loader]


def gradient(model, inputs, labels):
    loss = torch.nn.functional.cross_entropy(model(inputs), labels)
    return torch.autograd.grad(loss, list(model.parameters()))


def weights(module):
    return torch.cat([value.detach().flatten() for value in module.parameters()])


def descend(model, gradients):
    with torch.no_grad():
        for value, step in zip(model.parameters(), gradients):
            value -= LR * step


def test_without_a_defence_it_is_plain_sgd(data):
    module = trained(data, [], epochs=2)
    model = network()
    for inputs, labels in batches(data, epochs=2):
        descend(model, gradient(model, inputs, labels))
    assert module.done == 6 and module.finite and module.seconds > 0
    torch.testing.assert_close(weights(module.model), weights(model), rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        right = (model(data[1].inputs(slice(None))).argmax(1) == torch.from_numpy(data[1].labels)).sum()
    assert (module.correct, module.tested) == (int(right), 6)


def test_noise_moves_the_weights_by_what_was_added_and_anew_in_each_step(data):
    std = 0.5
    quiet = weights(trained(data, []).model)
    noisy = [weights(trained(data, ["defense=gaussian", f"defense.std={std}"], seed=seed).model) for seed in (0, 0, 1)]
    assert torch.equal(noisy[0], noisy[1]) and not torch.equal(noisy[0], noisy[2])
    # three independent draws add up to sqrt(3) lr std (the gradients themselves change too, by far less)
    spread = (noisy[0] - quiet).std().item()
    assert spread == pytest.approx(LR * std * math.sqrt(STEPS), rel=0.05)


def test_dgc_keeps_what_it_does_not_send_and_sends_it_later(data):
    module = trained(data, ["defense=dgc", "defense.sparsity=0.9", "defense.momentum=0.0"], epochs=2)
    model = network()
    kept = [torch.zeros_like(value) for value in model.parameters()]
    for inputs, labels in batches(data, epochs=2):
        sent = []
        for number, value in enumerate(gradient(model, inputs, labels)):
            kept[number] = kept[number] + value
            count = value.numel() - round(0.9 * value.numel())  # to the nearest whole number
            bound = kept[number].abs().flatten().topk(max(1, count)).values[-1]
            mask = kept[number].abs() >= bound
            sent.append(torch.where(mask, kept[number], 0.0))
            kept[number] = torch.where(mask, 0.0, kept[number])
        descend(model, sent)
    torch.testing.assert_close(weights(module.model), weights(model), rtol=1e-4, atol=1e-6)


def test_dp_sgd_clips_each_sample_of_a_step(data):
    module = trained(data, ["defense=dp_sgd", "defense.noise_multiplier=0.0", "defense.norm=0.05"])
    model = network()
    for inputs, labels in batches(data):
        total = [torch.zeros_like(value) for value in model.parameters()]
        for example, label in zip(inputs, labels):
            own = gradient(model, example[None], label[None])
            size = torch.cat([value.flatten() for value in own]).norm()
            total = [before + value * min(1.0, 0.05 / size.item()) for before, value in zip(total, own)]
        descend(model, [value / BATCH for value in total])
    torch.testing.assert_close(weights(module.model), weights(model), rtol=1e-4, atol=1e-6)


def test_several_clients_and_local_steps_train(data):
    steps = trained(data, ["defense=local_steps", "defense.steps=1"])
    plain, clients = trained(data, []), trained(data, ["defense=clients", "defense.clients=2"])
    for module in (steps, clients):  # one step, and the mean of two halves: both are the batch's gradient
        torch.testing.assert_close(weights(module.model), weights(plain.model), rtol=1e-4, atol=1e-6)


def test_a_model_that_is_no_longer_finite_gets_nothing_right(data):
    module = trained(data, ["defense=gaussian", "defense.std=1e38"], epochs=3)
    assert not module.finite and (module.correct, module.tested) == (0, 6)


def test_epsilon_is_that_of_the_sampled_gaussian_mechanism():
    privacy = defense_of(compose(["defense=dp_sgd"]).defense).privacy(None)
    accountant = RDPAccountant()
    for _ in range(50):
        accountant.step(noise_multiplier=1.0, sample_rate=0.01)
    assert privacy.epsilon(50, 0.01) == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-9)


def test_a_defence_that_does_more_takes_longer_and_none_takes_as_long(data):
    inputs, labels = batches(data)[0]
    slower = {name: trained(data, [f"defense={name}"]).slowdown(inputs, labels) for name in ("none", "local_steps")}
    # the very same computation, timed in turn; four gradients in place of one
    assert 0.5 < slower["none"] < 2 < slower["local_steps"]
