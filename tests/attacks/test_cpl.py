"""CPL: the image comes back from a geometric start, the prediction is part of the objective, refusals are sentences."""

import pytest
import torch

from bench.errors import NotApplicable

SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")


def test_the_image_comes_back_from_a_patch_and_the_label_is_read(parties) -> None:
    built = parties("attack=cpl", *SMALL, "attack.evaluations=50", "attack.alpha=1e-5")
    victims = built.data.deal([0, 1])
    claims = {int(claim.ids[0]): claim for claim in built.attack.reconstruct(built.client.share(victims), 0)}
    for i, victim in enumerate(victims.ids.tolist()):
        assert torch.equal(claims[victim].labels[0], victims.labels[i])
        assert (claims[victim].inputs[0] - victims.inputs[i]).square().mean() < 5e-3


def test_the_weight_is_in_the_objective_of_the_start(parties) -> None:
    first = {}
    for alpha in ("0.0", "2.0"):
        built = parties("attack=cpl", *SMALL, f"attack.alpha={alpha}", "attack.evaluations=1")
        (claim,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
        first[alpha] = claim.objective.item()
    assert 0.1 < (first["2.0"] - first["0.0"]) / 2 < 2  # ||y' - y||^2 of an untrained model is about 0.9


def test_the_published_form_starts_at_a_patch_and_steps_without_a_line_search(parties) -> None:
    built = parties("attack=cpl_published", *SMALL, "attack.iterations=1")
    seen = built.client.share(built.data.deal([0]))
    start = built.attack.start_of(seen, 0, 0).view(6, 6)
    assert torch.equal(start[:3, :3], start[3:, 3:]) and torch.equal(start[:3, :3], start[:3, 3:])
    (claim,) = built.attack.reconstruct(seen, 0)
    assert claim.iterations.item() <= 20 < 300


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["attack.start=red"], "attack.start=red needs images of three channels"),
        (["attack.views=[{_target_: bench.objectives.layers.Layers, ignore: auto}]"], "takes no transforms"),
        (["model.shared=['*.weight']"], "needs a last layer with a bias, and its gradient"),
        (["defense=local_steps"], "needs the length of the update"),
    ],
)
def test_refusals(parties, overrides, sentence) -> None:
    built = None
    with pytest.raises(NotApplicable, match=sentence):
        built = parties("attack=cpl", *SMALL, *overrides)
    assert built is None
