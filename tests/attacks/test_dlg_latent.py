"""Through PRECODE: the noise as one more unknown gets the image back, where a latent at its mean gets nothing."""

import pytest
import torch
from attacks.test_gradient_matching import run

from bench.errors import NotApplicable, UserError

# 6x6 keeps these at about a second each; 28x28 is in the slow tier
SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "threat=adaptive", "engine.compile=false", "engine.chunk=2")
LEFT_OUT = "attack.views=[{_target_: bench.objectives.below_bottleneck.BelowBottleneck}]"


def errors(parties, *overrides: str, victims: int = 2) -> torch.Tensor:
    """Mean squared error of real images, clipped."""
    built = parties("defense=precode", *overrides)
    truth = built.data.deal(range(victims))
    claim = run(built.attack, built.client.share(truth))
    return ((claim.inputs.clamp(0, 1) - truth.inputs) ** 2).flatten(1).mean(1)


def test_the_image_comes_back_below_the_bottleneck(parties) -> None:
    """Seen: 1e-7 and below."""
    assert errors(parties, "attack=dlg_latent", "attack.evaluations=80", *SMALL).max() < 1e-5


@pytest.mark.slow
def test_it_comes_back_from_all_layers_too(parties) -> None:
    """Seen: 2e-4 and below after 160 evaluations; the layers behind the bottleneck are matched late."""
    found = errors(parties, "attack=dlg_latent", "attack.views=[]", "attack.evaluations=200", *SMALL)
    assert found.max() < 1e-3


@pytest.mark.parametrize("more", [(), (LEFT_OUT,)], ids=["dlg", "left out"])
def test_with_the_latent_at_its_mean_nothing_comes_back(parties, more: tuple[str, ...]) -> None:
    """Leaving out what lies above is not enough: the noise turns the gradients below as well. Seen: 2.7e-2 and up."""
    assert errors(parties, "attack=dlg", "attack.evaluations=80", *more, *SMALL).min() > 2e-2


def test_a_batch_has_a_noise_for_each_example(parties) -> None:
    built = parties("attack=dlg_latent", "defense=precode", "data.batch_size=2", "defense.width=16", *SMALL)
    seen = built.client.share(built.data.deal([0, 1]))
    layout = built.attack._layout(seen)
    assert layout.n == 2 * 36 + 2 * 10 + 2 * 16
    start = built.attack.start_of(seen, 0, 1)
    assert start.shape == (layout.n,) and (layout.noise(start[None]) == 0).all()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=clip",), "needs a client whose model draws a latent"),
        (("defense=precode", "threat=basic"), "needs to know the client's defences"),
        (("defense=precode", "attack.noise_scale=1", "model.shared=['fc.*']"), "nothing else is shared"),
        (
            ("defense=stack", "defense.parts=[precode,local_steps]", "threat.local_training=true"),
            "the client draws one in each local step",
        ),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg_latent", *SMALL, *overrides)


def test_a_scale_out_of_range_is_refused(parties) -> None:
    with pytest.raises(UserError, match=r"noise_scale=0\.0: must be > 0"):
        parties("attack=dlg_latent", "defense=precode", "attack.noise_scale=0.0", *SMALL)


@pytest.mark.slow
def test_whole_digits_come_back_from_lenet(parties) -> None:
    """Four real digits of 28x28; seen: 1e-5 and below, and above 0.4 for plain DLG."""
    words = ("data.set=mnist", "threat=adaptive")
    assert errors(parties, "attack=dlg_latent", *words, victims=4).max() < 1e-3
    assert errors(parties, "attack=dlg", "attack.evaluations=200", *words, victims=4).min() > 0.1
