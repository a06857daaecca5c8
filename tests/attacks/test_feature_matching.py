"""Matching features where they are known exactly, and gradients where they are not."""

import pytest
import torch
from attacks.test_gradient_matching import run

from bench.attacks.gradient_matching import GradientMatching

SMALL = (
    "attack=inverting_gradients_modern", "data.set=cifar10", "model.width=8", "data.size=18", "engine.dtype=float64",
    "engine.compile=false",
)  # fmt: skip


def test_features_are_matched_one_victim_at_a_time_and_together(parties) -> None:
    """The images stay in the range of inputs, and the labels are those that the gradient gives away."""
    settings = (*SMALL, "model=convnet16", "attack.evaluations=4", "attack.starts=1")
    together, alone = (parties(*settings, f"engine.chunk={k}") for k in (2, 1))
    victims = together.data.deal(range(2))
    claim, single = (run(built.attack, built.client.share(victims)) for built in (together, alone))
    torch.testing.assert_close(claim.inputs, single.inputs, rtol=0, atol=1e-6)
    assert torch.equal(claim.labels, victims.labels)
    assert claim.evaluations.tolist() == [4, 4]
    assert (claim.inputs >= -1e-6).all() and (claim.inputs <= 1 + 1e-6).all()
    seen = together.client.share(victims)
    found, seconds = together.attack._found(seen, 0)
    assert set(found) == {0, 1} and set(seconds) == set(victims.ids.tolist())


@pytest.mark.slow
def test_a_victim_without_exact_features_is_attacked_by_its_gradient(parties) -> None:
    """Noise on the gradient of the second of two victims: its claim is that of gradient matching, bit for bit."""
    built = parties(*SMALL, "model=convnet16", "attack.evaluations=3", "attack.starts=1", "engine.chunk=1")
    seen = built.client.share(built.data.deal(range(2)))
    generator = torch.Generator().manual_seed(0)
    for value in seen.gradients.values():
        value[1] += 0.1 * value[1].std() * torch.randn(value[1].shape, generator=generator, dtype=value.dtype)
    assert set(built.attack._found(seen, 0)[0]) == {0}
    claim = run(built.attack, seen)
    plain = torch.cat(
        [one.inputs for one in GradientMatching.reconstruct(built.attack, seen.take(torch.tensor([1])), 0)]
    )
    assert torch.equal(claim.inputs[1:], plain)


@pytest.mark.slow
@pytest.mark.parametrize("setting", [("model=lenet", "model.width=4"), ("data.batch_size=2", "threat=labels_known")])
def test_other_models_and_batches_are_attacked_by_their_gradient(parties, setting: tuple[str, str]) -> None:
    model = () if setting[0].startswith("model") else ("model=convnet16",)
    built = parties(*(s for s in SMALL if s != "model.width=8"), *model, *setting, "attack.evaluations=3")
    seen = built.client.share(built.data.deal([0]))
    assert built.attack._found(seen, 0)[0] == {}
    assert run(built.attack, seen).inputs.isfinite().all()


def test_no_start_is_no_search(parties) -> None:
    with pytest.raises(Exception, match="starts=0: must be >= 1"):
        parties("attack=inverting_gradients_modern", "attack.starts=0")
