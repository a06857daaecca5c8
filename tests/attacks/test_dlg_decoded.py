"""Through InstaHide: the encoded images are found once only the shares of their labels are unknown, and decoded."""

import pytest
import torch
from attacks.test_gradient_matching import run

from bench.attacks.mixture_matching import Mixtures
from bench.errors import NotApplicable

SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")
KNOWN = ("threat=adaptive", "defense=instahide", "data.batch_size=2")


@pytest.mark.slow
def test_it_is_nearer_to_digits_than_what_was_encoded(parties) -> None:
    """Four batches of two digits of 28x28; seen: 1e-2 to 8e-2, and above 0.3 for plain DLG."""
    errors = {}
    for name in ("dlg_decoded", "dlg"):
        built = parties(f"attack={name}", *KNOWN, "data.set=mnist", "attack.evaluations=1200")
        truth = built.data.deal(range(4))
        claim = run(built.attack, built.client.share(truth))
        turned = claim.inputs.clamp(0, 1)
        both = [(one - truth.inputs).square().flatten(1).mean(1) for one in (turned, turned.flip(1))]
        errors[name] = torch.minimum(*both)
    assert errors["dlg_decoded"].mean() < 0.1 < errors["dlg"].mean()


def test_each_example_has_a_share_within_its_bounds(parties) -> None:
    built = parties("attack=dlg_decoded", *KNOWN, *SMALL, "defense.upper=0.6")
    seen, attack = built.client.share(built.data.deal([0])), built.attack
    layout = attack._layout(seen)
    assert layout.n == 2 * 36 + 2 + 1
    z = attack.start_of(seen, 0, 0)[None].repeat(3, 1)
    z[:, -3:-1] = torch.tensor([[-50.0, 0.0], [0.0, 50.0], [0.0, 0.0]])
    expected = torch.tensor([[0.4, 0.5], [0.5, 0.6], [0.5, 0.5]])
    torch.testing.assert_close(layout.share(z).float(), expected)


def test_the_claim_explains_what_was_shared(parties) -> None:
    """With the truth as the mixtures that were found: what they say is what the client has shared."""
    built = parties("attack=dlg_decoded", *KNOWN, *SMALL, "data.label_rule=unique")
    victims = built.data.deal([0])
    seen, attack = built.client.share(victims), built.attack
    generator = torch.Generator().manual_seed(0)
    images = victims.inputs[0].double()
    share, partner = torch.tensor([0.6, 0.45], dtype=torch.float64), torch.tensor([1, 0])
    mixed = share.view(2, 1, 1, 1) * images + (1 - share).view(2, 1, 1, 1) * images[partner]
    flipped = torch.rand(mixed.shape, generator=generator) < 0.5
    encoded = torch.where(flipped, 1 - mixed, mixed)
    found = Mixtures(encoded, share, partner, victims.labels[0], (0.0, 1.0))
    decoded, unknowns = attack._decoded(found)
    held = {name: value[0].double() for name, value in seen.parameters.items()}
    own = attack.explained(seen, unknowns)(held, {}, decoded, victims.labels[0])
    soft = torch.nn.functional.one_hot(victims.labels[0], 10).double()
    soft = share[:, None] * soft + (1 - share)[:, None] * soft[partner]
    expected = seen.task.gradient(held, {}, encoded, soft)
    for name, value in expected.items():  # the ridge of the inverse is 1e-6, and the condition number about 20
        torch.testing.assert_close(own[name], value, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=mixup",), "needs a client that mixes the images of one step"),
        (("threat=basic",), "needs to know the client's defences"),
        (("data.batch_size=3", "defense.k=3"), "needs mixtures of two images"),
        (("data.batch_size=7",), "needs mixtures of two images, and up to 6"),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg_decoded", *KNOWN, *SMALL, *overrides)
