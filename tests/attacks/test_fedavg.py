"""Updates of local epochs are inverted through the epochs, in any order, and what cannot be served is refused."""

import pytest
import torch

from bench.attacks.fedavg import merged
from bench.errors import NotApplicable

QUICK = ("engine.compile=false", "engine.chunk=2", "data.set=mnist", "data.size=8", "model.width=3", "attack=fedavg")
KNOWN = ("threat=training_details", "threat.labels=true")
CLIENT = ("defense=local_epochs", "defense.epochs=2", "defense.lr=0.1", "data.batch_size=2")


def test_images_of_one_example_are_found_in_every_epoch_and_averaged() -> None:
    examples = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    second = examples[torch.tensor([2, 0, 1])] + 0.02
    images = torch.stack([examples, second], 1).flatten(0, 1)
    torch.testing.assert_close(merged(images, torch.zeros(3), 2), examples + 0.01)
    labelled = merged(images, torch.arange(3), 2)  # an image of another label is never of the same example
    torch.testing.assert_close(labelled, (examples + second) / 2)


def test_at_the_true_images_in_the_clients_orders_the_distance_is_zero(parties) -> None:
    """Each epoch's images stand in the order in which the client took them; no other order has the same update."""
    built = parties(*QUICK, *KNOWN, *CLIENT, "data.labels=random", "data.label_rule=same", "attack.tv=0")
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    order = built.client.runner._beforehand(built.client.runner.step, seen.parameters, victims.ids)[0][1][0]
    layout = built.attack._layout(seen)
    matching = built.attack._matching(seen, layout, seen.labels)
    matching.load(torch.tensor([0]))

    def value(orders: torch.Tensor) -> float:
        images = torch.stack([victims.inputs[0][row] for row in orders], 1).flatten(0, 1)
        return float(matching.value(built.attack.variables.encode(images).reshape(1, -1)))

    assert value(order) < 1e-3 * value(order.flip(1)) + 1e-6


def test_a_batch_is_nearer_than_at_the_start_and_victims_do_not_depend_on_each_other(parties) -> None:
    built = parties(*QUICK, *KNOWN, *CLIENT, "attack.evaluations=10")
    seen = built.client.share(built.data.deal([0, 1]))
    both = sorted(built.attack.reconstruct(seen, 0), key=lambda claim: int(claim.ids[0]))
    (alone,) = built.attack.reconstruct(seen.take(torch.tensor([1])), 0)
    assert both[1].inputs.shape == (1, 2, 1, 8, 8) and both[1].trace["images"].shape[2:] == (2, 1, 8, 8)
    torch.testing.assert_close(both[1].inputs, alone.inputs, rtol=1e-3, atol=1e-3)
    for claim in both:
        curve = claim.trace["curve"][0]
        assert claim.objective.item() < 0.5 * curve[claim.trace["curve_at"][0] >= 0][0].item()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["threat=labels_known", "defense=local_epochs"], "needs a client that trains for local epochs"),
        ([*KNOWN, "defense=local_steps"], "needs a client that trains for local epochs"),
        (["threat=training_details", "defense=local_epochs", "attack.labels=null"], "needs labels"),
    ],
)
def test_refusals(parties, overrides: list[str], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties(*QUICK, *overrides)
