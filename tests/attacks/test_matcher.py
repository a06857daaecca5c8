"""What image and sentence attacks share: parts that arrive through the constructor, starts, restarts and needs."""

from dataclasses import replace

import pytest
import torch
from attacks.test_gradient_matching import run
from observations import CLASSES, net, observe

from bench.attacks.gradient_matching import GradientMatching
from bench.attacks.matcher import Matcher
from bench.engine.directions import LBFGS
from bench.engine.parametrisation import Pixels
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.engine.steps import Backtracking
from bench.engine.stops import Tolerances
from bench.errors import NotApplicable
from bench.labels.last_layer import LastLayer
from bench.objectives.gradient_transforms import GradientTransform
from bench.objectives.squared_error import SquaredError


class FirstLayerOnly(GradientTransform):
    """An attacker that needs to know the defence, and looks at one layer."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"defense_known"})

    def check(self, seen) -> None:
        if len(seen.defense) != 1:
            raise NotApplicable("FirstLayerOnly wants one defence")

    def __call__(self, gradients, observed):
        return tuple({name: value for name, value in of.items() if name == "1.weight"} for of in (gradients, observed))


def attack(**changed) -> Matcher:
    parts = {
        "objective": SquaredError(1.0),
        "views": [],
        "priors": [],
        "labels": None,
        "variables": Pixels(),
        "start": "uniform",
        "start_labels": "zeros",
        "direction": LBFGS(10, 1e-10),
        "step": Backtracking(1.0, 1e-4, 20),
        "stop": Tolerances(10, 10, 0.0, 0.0, None, 0.0),
        "box": False,
        "select": "best",
        "restarts": 1,
        "engine": EngineSettings(3, 1, False, "float64"),
    }
    return GradientMatching(**{**parts, **changed})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"start_labels": "ones"}, "start_labels='ones': want zeros or normal"),
        ({"restarts": 0}, "restarts=0: must be >= 1"),
        ({"select": "first"}, "select='first': want best or last"),
    ],
)
def test_parts_that_make_no_sense_are_named(changed: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        attack(**changed)


def test_what_labels_need_is_not_needed_where_they_are_known() -> None:
    """Inference needs a batch of one and a linear last layer; optimised labels need their number."""
    assert attack(labels=LastLayer()).needs >= {"batch_of_one", "last_linear", "last_layer_shared"}
    assert attack().needs >= {"classes", "soft_labels", "batch_size", "buffers"}
    seen, _, labels = observe(net())
    seen = replace(seen, task=replace(seen.task, classes=None, last_linear=None))
    for one, lack in ((attack(labels=LastLayer()), "batch of one"), (attack(), "number of classes")):
        with pytest.raises(NotApplicable, match=lack):
            one.check(seen)
        one.check(replace(seen, labels=labels))
    known = run(attack(), replace(seen, labels=labels))
    assert torch.equal(known.labels, labels)


def test_a_view_brings_its_needs_and_has_a_word_in_what_is_served() -> None:
    """And the distance is taken behind it: of one layer alone it is smaller."""
    seen, *_ = observe(net())
    viewed = attack(views=[FirstLayerOnly()])
    with pytest.raises(NotApplicable, match="needs to know the client's defences"):
        viewed.check(seen)
    with pytest.raises(NotApplicable, match="wants one defence"):
        viewed.check(replace(seen, defense=()))
    stop = Tolerances(1, 1, 0.0, 0.0, None, 0.0)  # the objective at the start
    told = replace(seen, defense=({"defense": "Clip"},))
    part = run(attack(views=[FirstLayerOnly()], stop=stop), told).objective
    whole = run(attack(stop=stop), told).objective
    assert (part < whole).all() and (part > 0).all()


def test_label_logits_start_as_they_are_asked_to_and_each_restart_elsewhere() -> None:
    seen, *_ = observe(net())
    count = seen.batch_size * CLASSES
    assert not attack().start_of(seen, 3, 1)[-count:].any()
    normal = attack(start_labels="normal")
    starts = [normal.start_of(seen, 3, 1, restart) for restart in range(2)]
    for restart, start in enumerate(starts):
        expected = draw("normal", (count,), 3, "dummy labels", int(seen.ids[1]), restart)
        torch.testing.assert_close(start[-count:], expected.double())
    assert not torch.equal(starts[0][:-count], starts[1][:-count])


@pytest.mark.slow
def test_the_claim_is_that_of_the_best_restart_and_costs_what_all_cost() -> None:
    seen, *_ = observe(net())
    both = run(attack(restarts=2), seen)
    single = attack()
    first = single.start_of
    runs = []
    for restart in range(2):
        single.start_of = lambda s, seed, victim, _=0, restart=restart: first(s, seed, victim, restart)
        runs.append(run(single, seen))
    objectives = torch.stack([one.objective for one in runs])
    torch.testing.assert_close(both.objective, objectives.amin(0), rtol=1e-9, atol=0)
    assert torch.equal(both.evaluations, runs[0].evaluations + runs[1].evaluations)
    assert len(objectives.argmin(0).unique()) == 2  # for some victims the second start is the better one
