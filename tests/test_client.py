"""What is shared is the gradient, and nothing that was not granted."""

from collections.abc import Iterator

import pytest
import torch
from PIL import Image
from torch.nn import functional

from bench.attacks import controls
from bench.attacks.base import Attack
from bench.config.compose import compose
from bench.config.instantiate import import_target
from bench.engine.matching import Layout, Matching
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.models.lenet import LeNet
from bench.models.mlp import MLP
from bench.models.resnet import ResNet
from bench.objectives.squared_error import SquaredError
from bench.threat import Threat

SMALL = ("data.set=mnist", "data.size=8", "model.width=3")


def by_hand(model: torch.nn.Module, parameters: dict, inputs: torch.Tensor, labels: torch.Tensor) -> dict:
    """One victim's gradient with a real module and plain autograd."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(parameters[name])
    loss = functional.cross_entropy(model(inputs), labels)
    names = [name for name, _ in model.named_parameters()]
    return dict(zip(names, torch.autograd.grad(loss, list(model.parameters()))))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_gradients_equal_plain_autograd(parties, batch_size: int) -> None:
    built = parties("data.set=cifar100", f"data.batch_size={batch_size}")
    victims = built.data.deal([0, 5, 2])
    seen = built.client.share(victims)
    model = LeNet(12, (2, 2, 1), "sigmoid", 0.5, None, None, shape=(3, 32, 32), classes=100)
    for i in range(3):
        reference = by_hand(
            model, {name: value[i] for name, value in seen.parameters.items()}, victims.inputs[i], victims.labels[i]
        )
        for name, value in reference.items():
            torch.testing.assert_close(seen.gradients[name][i], value, rtol=1e-3, atol=1e-6)


def test_train_mode_normalises_by_the_batch(parties) -> None:
    small = ("model.blocks=1", "model.width=4", "data.size=8", "data.batch_size=4")
    built = parties("model=resnet20", "model.mode=train", *small, "attack=noise")
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    model = ResNet(1, 4, (1, 2, 2), "sigmoid", "batch", None, None, None, shape=(3, 8, 8), classes=10).train()
    reference = by_hand(model, {n: v[0] for n, v in seen.parameters.items()}, victims.inputs[0], victims.labels[0])
    for name, value in reference.items():
        torch.testing.assert_close(seen.gradients[name][0], value, rtol=1e-3, atol=1e-6)


def test_a_victims_model_is_its_own_and_does_not_depend_on_company(parties) -> None:
    client, data = (built := parties()).client, built.data
    together, alone = client.share(data.deal([0, 1, 2])), client.share(data.deal([2]))
    for name, value in together.parameters.items():
        assert torch.equal(value[2], alone.parameters[name][0])
        assert not torch.equal(value[0], value[1])


def test_a_shared_model_is_one_and_costs_no_copies(parties) -> None:
    built = parties("model.per_victim=false")
    seen = built.client.share(built.data.deal(range(4)))
    for value in seen.parameters.values():
        assert value.stride(0) == 0
        assert torch.equal(value[0], value[3])


def test_only_what_is_granted_is_there(parties) -> None:
    built = parties("attack=mean", *SMALL)
    built.client.grant_mean = False
    for threat in ("eavesdropper", "basic", "labels_known", "adaptive", "training_details"):
        node = dict(compose([f"threat={threat}"]).threat)
        granted = Threat(**{k: v for k, v in node.items() if k not in ("_target_", "version")})
        built.client.threat = granted
        seen = built.client.share(built.data.deal([0, 1]))
        found = {
            "batch_size": seen.batch_size is not None,
            "input_range": seen.task.input_range is not None,
            "classes": seen.task.classes is not None,
            "labels": seen.labels is not None,
            "defense_known": seen.defense is not None,
        }
        assert found == {name: getattr(granted, name) for name in found}, threat
        assert seen.mean_image is None and seen.statistics is None


class Curious(Attack):
    """An attack of a user's own that would like to see the mean image beside the gradient."""

    def __init__(self, *, engine: EngineSettings) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"mean_image"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        raise AssertionError


def test_nobody_sees_both_the_mean_image_and_a_gradient(parties, monkeypatch) -> None:
    """Whatever a YAML says of itself: the grant follows from `needs`, and the gradient goes with it."""
    flagged = parties("attack=dlg", "attack.control=true")
    seen = flagged.client.share(flagged.data.deal([0]))
    assert seen.mean_image is None and seen.gradients
    control = parties("attack=mean")
    seen = control.client.share(control.data.deal([0, 1]))
    assert torch.equal(seen.mean_image, control.data.mean_image) and not seen.gradients
    noise = parties("attack=noise")
    assert noise.client.share(noise.data.deal([0])).mean_image is None
    with pytest.raises(NotApplicable, match="granted to controls"):
        parties("attack=mean", "attack.control=false")
    monkeypatch.setattr(controls, "Mean", Curious)
    import_target.cache_clear()
    try:
        curious = parties("attack=mean")
    finally:
        import_target.cache_clear()
    assert isinstance(curious.attack, Curious)
    assert not curious.client.share(curious.data.deal([0])).gradients


@pytest.mark.parametrize(("batch_size", "known"), [(1, True), (2, False)])
def test_the_mean_of_ones_own_images_is_known_where_no_batch_makes_it_out(
    parties, tmp_path, batch_size: int, known: bool
) -> None:
    for number in range(100):
        folder = tmp_path / f"class{number % 2}"
        folder.mkdir(exist_ok=True)
        Image.new("L", (8, 8), number).save(folder / f"{number}.png")
    words = ["data=folder", f"data.root={tmp_path}", f"data.batch_size={batch_size}", "attack=mean"]
    if not known:
        with pytest.raises(NotApplicable, match="fewer than 100 images for each image of a batch"):
            parties(*words)
        return
    built = parties(*words)
    seen = built.client.share(built.data.deal([0]))
    assert float(seen.mean_image.mean()) == pytest.approx(49.5 / 255)


def test_the_random_generator_of_the_program_is_untouched(parties) -> None:
    built = parties()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    built.client.share(built.data.deal([0, 1]))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_known_defence_is_its_parameters_and_no_seed(parties) -> None:
    chosen = ("defense=stack", "defense.parts=[clip,{gaussian: {std: 0.1, seed: 5}},soteria]", "attack=noise", *SMALL)
    built = parties(*chosen, "threat=adaptive")
    seen = built.client.share(built.data.deal([0]))
    assert seen.defense is not None
    assert [part["defense"] for part in seen.defense] == ["Clip", "Gaussian", "Soteria"]
    assert seen.defense[1]["std"] == 0.1 and "seed" not in seen.defense[1]
    assert f"{seen.defense[2]['layer']}.weight" == seen.task.last_linear
    assert parties(*chosen).client.share(built.data.deal([0])).defense is None


def test_a_known_defence_does_not_tell_the_local_training(parties) -> None:
    """Rate and steps are a grant of their own: what they would say of an update's length is not to be read there."""
    chosen = ("defense=stack", "defense.parts=[local_steps,clip]", "attack=noise", "threat=adaptive")
    for granted, parts in ((False, ["Clip"]), (True, ["LocalSteps", "Clip"])):
        built = parties(*chosen, f"threat.local_training={granted}")
        seen = built.client.share(built.data.deal([0]))
        assert seen.defense is not None and [part["defense"] for part in seen.defense] == parts
        assert seen.defense[-1]["position"] == 1 and (seen.task.unit is None) == (not granted)


def test_an_attacker_that_knows_the_schedule_has_an_objective_of_zero_at_the_truth(parties) -> None:
    """Through the engine's own matching, labels optimised and so probabilities, one victim a slot."""
    chosen = ("defense=local_steps", "defense.lr=0.3", "data.batch_size=2", "attack=dlg", "threat=training_details")
    built = parties(*chosen, "model.activation=sigmoid", *SMALL)
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    matching = Matching(seen, Layout(2, seen.task.input_shape, 10), SquaredError(1.0), None, torch.float32)
    matching.load(torch.arange(2))
    logits = 40.0 * functional.one_hot(victims.labels, 10).float()
    z = torch.cat([victims.inputs.flatten(1), logits.flatten(1)], 1)
    value, slope = matching(z)
    elsewhere, _ = matching(z.flip(0))
    assert (value < 1e-6 * elsewhere).all() and torch.isfinite(slope).all()


@pytest.mark.parametrize("defense", ["none", "clip", "gaussian"])
def test_in_float64_the_whole_step_is_in_float64(parties, defense: str) -> None:
    """Weights, inputs and noise have the values that they have in float32; nothing between them is rounded to it."""
    settings = ["model=mlp_wide", "model.width=32", "data.batch_size=3", "attack=noise", f"defense={defense}"]
    exact, rough = (parties(*settings, "data.size=8", f"engine.dtype={dtype}") for dtype in ("float64", "float32"))
    victims = exact.data.deal([0, 4])
    seen, usual = exact.client.share(victims), rough.client.share(victims)
    for name, value in usual.parameters.items():
        assert torch.equal(seen.parameters[name], value.double())
    for name, value in usual.gradients.items():
        assert (value.dtype, seen.gradients[name].dtype) == (torch.float32, torch.float64)
        torch.testing.assert_close(seen.gradients[name], value.double(), rtol=1e-3, atol=1e-6)
    if defense != "none":
        return
    model = MLP(32, 2, "relu", None, 0.5, 0.25, shape=(3, 8, 8), classes=10).double()
    weights = {name: value[1] for name, value in seen.parameters.items()}
    reference = by_hand(model, weights, victims.inputs[1].double(), victims.labels[1])
    for name, value in reference.items():
        torch.testing.assert_close(seen.gradients[name][1], value, rtol=1e-10, atol=1e-14)


def test_tokens_stay_integers_in_float64(parties) -> None:
    """A sentence's tokens are indices of the word embedding, which alone is converted."""
    built = parties(
        "data=sentences", "model=bert_tiny", "metric=text", "attack=dlg_text", "engine.dtype=float64", "model.width=16"
    )
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    assert victims.inputs.dtype == torch.int64
    assert {value.dtype for value in seen.gradients.values()} == {torch.float64}
