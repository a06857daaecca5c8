"""Through mixup: the images come back, where plain DLG finds mixtures of them."""

from itertools import permutations

import pytest
import torch
from attacks.test_gradient_matching import run
from torch import Tensor

from bench.errors import NotApplicable, UserError

# 6x6 keeps these at about a second each; 28x28 is in the slow tier
SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")
KNOWN = ("threat=adaptive", "defense=mixup")


def error(images: Tensor, truth: Tensor) -> float:
    """Mean squared error of one batch, clipped, in the order that fits best."""
    orders = permutations(range(len(truth)))
    return min(float((images[list(order)].clamp(0, 1) - truth).square().mean()) for order in orders)


def errors(parties, *overrides: str, victims: tuple[int, ...] = (0, 1)) -> list[float]:
    built = parties(*overrides)
    truth = built.data.deal(victims)
    claim = run(built.attack, built.client.share(truth))
    return [error(*pair) for pair in zip(claim.inputs, truth.inputs, strict=True)]


def test_both_images_come_back(parties) -> None:
    """Of a batch with a share of 0.84, in 75 evaluations; seen: 2e-9. A share of 0.57 takes a thousand."""
    words = (*KNOWN, *SMALL, "data.batch_size=2", "attack.evaluations=75")
    assert errors(parties, "attack=dlg_unmixed", *words, victims=(3,))[0] < 1e-5
    assert errors(parties, "attack=dlg", *words, victims=(3,))[0] > 1e-3


@pytest.mark.slow
def test_a_batch_of_three_takes_a_restart_for_each_circle(parties) -> None:
    words = (*KNOWN, *SMALL, "data.batch_size=3", "attack.evaluations=400", "attack.restarts=2", "threat.labels=true")
    assert max(errors(parties, "attack=dlg_unmixed", *words)) < 1e-3


@pytest.mark.slow
def test_whole_digits_come_back_from_lenet(parties) -> None:
    assert max(errors(parties, "attack=dlg_unmixed", *KNOWN, "data.set=mnist", "data.batch_size=2")) < 1e-2


def test_the_share_and_the_circle_are_the_last_variables(parties) -> None:
    built = parties("attack=dlg_unmixed", "attack.restarts=9", "data.batch_size=4", *KNOWN, *SMALL)
    seen, attack = built.client.share(built.data.deal([0])), built.attack
    layout = attack._layout(seen)
    assert layout.n == 4 * 36 + 2 and len(layout.partners) == 6
    starts = torch.stack([attack.start_of(seen, 0, 0, run) for run in range(9)])
    assert starts[:, -1].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    torch.testing.assert_close(layout.share(starts), torch.full((9, 1), 0.75))
    assert layout.partner(starts)[1].tolist() == list(layout.partners[1])
    matching = attack._matching(seen, layout, attack._fixed_labels(seen, 0))
    matching.load(torch.zeros(9, dtype=torch.long))
    _, slope = matching(starts.double() if attack.engine.dtype is torch.float64 else starts)
    assert (slope[:, -1] == 0).all() and (slope[:, -2] != 0).all()  # no gradient moves the circle


def test_the_claim_explains_what_was_shared(parties) -> None:
    """`explained` with the unknowns of the claim has the objective that the attack reached."""
    exact = ("attack.ridge=0", "engine.dtype=float64")
    words = ("attack=dlg_unmixed", *KNOWN, *SMALL, *exact, "data.batch_size=2", "attack.evaluations=20")
    built = parties(*words, "data.label_rule=unique")
    seen = built.client.share(built.data.deal([0]))
    (found,) = built.attack.reconstruct(seen, 0)
    unknowns = {name: value[0] for name, value in found.unknowns.items()}
    held = {name: value[0].double() for name, value in seen.parameters.items()}
    own = built.attack.explained(seen, unknowns)(held, {}, found.inputs[0].double(), found.labels[0])
    residual = sum((own[name] - value[0]).square().sum() for name, value in seen.gradients.items())
    # the claim is kept in float32
    assert float(residual) == pytest.approx(float(found.objective[0]), rel=1e-2, abs=1e-7)


def test_a_batch_of_one_class_takes_the_share_from_the_range(parties) -> None:
    """Two copies of each label say nothing of the share."""
    words = ("attack=dlg_unmixed", *KNOWN, *SMALL, "data.batch_size=2", "attack.evaluations=100", "threat.labels=true")
    built = parties(*words)
    victims = built.data.deal([0])
    victims.labels.fill_(int(victims.labels[0, 0]))
    claim = run(built.attack, built.client.share(victims))
    assert error(claim.inputs[0], victims.inputs[0]) < 1e-2


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=clip", "threat=adaptive"), "needs a client that mixes the images of one step"),
        (("defense=mixup",), "needs to know the client's defences"),
        (
            ("threat=adaptive", "defense=stack", "defense.parts=[mixup,local_steps]", "threat.local_training=true"),
            "needs a client that mixes the images of one step",
        ),
        (("threat=adaptive", "defense=stack", "defense.parts=[mixup,ats]"), "changes them in no other way"),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg_unmixed", *SMALL, "data.batch_size=2", *overrides)


@pytest.mark.parametrize("wrong", ["ridge=-1.0", "slack=0.0", "labels=null"])
def test_a_number_out_of_range_is_refused(parties, wrong: str) -> None:
    with pytest.raises(UserError, match=wrong.split("=")[0]):
        parties("attack=dlg_unmixed", *KNOWN, *SMALL, "data.batch_size=2", f"attack.{wrong}")
