"""Through DCS-2: concealing images as unknowns give the private image back, where plain matching finds none."""

import dataclasses

import pytest
import torch
from attacks.test_adaptive import errors
from attacks.test_gradient_matching import run
from torch.func import functional_call
from torch.nn.functional import cross_entropy, one_hot

from bench.attacks.dlg_concealed import ConcealedGradient
from bench.engine.state import Finished
from bench.errors import NotApplicable
from bench.messages.status import Status

# 6x6 keeps these at about a second each; 28x28 is in the slow tier
SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")
KNOWN = ("threat=adaptive", "defense=dcs2")


@pytest.mark.slow
def test_the_private_image_comes_back(parties) -> None:
    words = (*KNOWN, *SMALL, "attack.evaluations=200")
    assert max(errors(parties, "attack=dlg_concealed", *words)) < 1e-4
    assert min(errors(parties, "attack=dlg", *words)) > 1e-2


@pytest.mark.slow
def test_labels_that_are_not_known_are_found_too(parties) -> None:
    """A batch of two, of which one image is concealed."""
    built = parties(
        "attack=dlg_concealed", "attack.labels=null", *KNOWN, *SMALL, "data.batch_size=2", "attack.evaluations=400",
        "data.label_rule=unique",
    )  # fmt: skip
    layout = built.attack._layout(seen := built.client.share(built.data.deal([0])))
    assert layout.n == 2 * 36 + 2 * 10 + 36 + 10 and built.attack.start_of(seen, 0, 0).shape == (layout.n,)
    found = run(built.attack, seen)
    assert found.inputs.shape == (1, 2, 1, 6, 6) and found.objective.isfinite().all()


@pytest.mark.slow
def test_whole_digits_come_back_from_lenet(parties) -> None:
    """Four real digits of 28x28; seen: 1e-3 and below."""
    assert max(errors(parties, "attack=dlg_concealed", *KNOWN, "data.set=mnist")) < 1e-2


@pytest.mark.parametrize("share", [0.0, 0.7, 1.0])
def test_what_is_computed_is_the_clients_mixture(parties, share: float) -> None:
    """(s g(p, y') + (1 - s) g(p, y) + g(x, y)) / 3, or / 2, by autograd on the model itself."""
    built = parties("attack=noise", *SMALL)
    model = built.client.model
    seen = built.client.share(built.data.deal([0]))
    parameters = {name: value[0] for name, value in seen.parameters.items()}
    generator = torch.Generator().manual_seed(0)
    images, drawn = torch.rand(3, 1, 6, 6, generator=generator), torch.tensor([3, 7, 5])

    def gradient(chosen: list[int], label: list[int]) -> list[torch.Tensor]:
        held = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        loss = cross_entropy(functional_call(model, held, (images[chosen],)), drawn[label])
        return list(torch.autograd.grad(loss, list(held.values())))

    plain, true, other = gradient([0, 1], [0, 1]), gradient([2], [1]), gradient([2], [2])
    count = 3 if share == 0.7 else 2
    expected = [(share * c + (1 - share) * b + a) / count for a, b, c in zip(plain, true, other, strict=True)]
    assert sum((x * y).sum() for x, y in zip(expected, plain, strict=True)) > 0  # nothing is repaired
    found = ConcealedGradient(seen.task.gradient, 1, share)(parameters, {}, images, one_hot(drawn, 10).float())
    for name, value in zip(parameters, expected, strict=True):
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)


def test_of_two_images_that_can_change_places_the_one_within_the_range_is_claimed(parties) -> None:
    built = parties("attack=dlg_concealed", *KNOWN, *SMALL)
    seen, attack = built.client.share(built.data.deal([0])), built.attack
    layout = attack._layout(seen)
    labels = attack.labels(seen, 0)
    encode = attack.variables.encode
    inside, outside = torch.full((1, 1, 6, 6), 0.25), torch.full((1, 1, 6, 6), 1.75)

    def claim(drawn: int):
        logits = 50.0 * one_hot(torch.tensor(drawn), 10)
        x = torch.cat([encode(outside).flatten(), encode(inside).flatten(), logits])
        return attack._claim([finished(x)], layout, seen, labels)

    label = int(labels[0, 0])
    turned, kept = claim(label), claim((label + 1) % 10)
    torch.testing.assert_close(turned.inputs[0], inside)
    torch.testing.assert_close(turned.unknowns["images"][0], outside)
    torch.testing.assert_close(kept.inputs[0], outside)


def finished(x: torch.Tensor):
    empty = torch.zeros(0)
    values = {f.name: 0 for f in dataclasses.fields(Finished)}
    values |= {"x": x, "images": x[None], "at": empty, "curve": empty, "curve_at": empty, "status": Status.BUDGET}
    return Finished(**values)


def test_the_claim_explains_what_was_shared(parties) -> None:
    """`explained` with the unknowns of the claim has the objective that the attack reached."""
    built = parties("attack=dlg_concealed", *KNOWN, *SMALL, "attack.evaluations=10")
    seen = built.client.share(built.data.deal([0]))
    (found,) = built.attack.reconstruct(seen, 0)
    unknowns = {name: value[0] for name, value in found.unknowns.items()}
    held = {name: value[0] for name, value in seen.parameters.items()}
    own = built.attack.explained(seen, unknowns)(held, {}, found.inputs[0], found.labels[0])
    error = sum((own[name] - value[0]).square().sum() for name, value in seen.gradients.items())
    assert float(error) == pytest.approx(float(found.objective[0]), rel=1e-2, abs=1e-9)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=clip", "threat=adaptive"), "needs a client that conceals images in one step"),
        (("defense=dcs2",), "needs to know the client's defences"),
        (
            ("threat=adaptive", "defense=stack", "defense.parts=[dcs2,local_steps]", "threat.local_training=true"),
            "needs a client that conceals images in one step",
        ),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg_concealed", *SMALL, *overrides)
