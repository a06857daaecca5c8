"""The matching of mixtures: where its variables are, and that the truth is its minimum."""

import pytest
import torch

from bench.attacks.dlg_unmixed import DLGUnmixed
from bench.attacks.unmixing import circles
from bench.defenses.mixup import mixed

SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")
KNOWN = ("threat=adaptive", "defense=mixup")


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


@pytest.mark.parametrize("circle", [0, 1])
def test_the_truth_explains_what_was_shared(parties, circle: int) -> None:
    """Three examples that are mixed here, and the gradient of the mixtures: the objective is 0 on their circle only."""
    words = ("attack=dlg_unmixed", "attack.restarts=2", "threat.labels=true", "data.label_rule=unique")
    built = parties(*words, "data.batch_size=3", *KNOWN, *SMALL)
    victims = built.data.deal([0])
    seen, attack = built.client.share(victims), built.attack
    assert isinstance(attack, DLGUnmixed)
    partner, labels = torch.tensor(circles(3, 2)[circle]), torch.nn.functional.one_hot(victims.labels[0], 10).float()
    inputs, soft = (mixed(value, value[partner], torch.tensor(0.8)) for value in (victims.inputs[0], labels))
    held = {name: value[0] for name, value in seen.parameters.items()}
    seen.gradients = {name: g.detach()[None] for name, g in seen.task.gradient(held, {}, inputs, soft).items()}
    matching = attack._matching(seen, attack._layout(seen), attack._fixed_labels(seen, 0))
    matching.load(torch.tensor([0, 0]))
    logit = torch.tensor(0.6).logit()  # 0.8 is at 0.6 of the way from 1/2 to 1
    z = torch.cat([attack.variables.encode(inputs).flatten(), logit[None]])
    values, _ = matching(torch.stack([torch.cat([z, torch.tensor([place])]) for place in (0.0, 1.0)]))
    assert values[circle] < 1e-6 * values[1 - circle]
