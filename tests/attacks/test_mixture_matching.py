"""What attacks against mixtures refuse, and what they know of what they found."""

import pytest
import torch

from bench.attacks.mixture_matching import Mixtures
from bench.errors import NotApplicable, UserError

SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "engine.compile=false", "engine.chunk=2")


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


@pytest.mark.parametrize(("name", "defense"), [("dlg_unmixed", "mixup"), ("dlg_decoded", "instahide")])
def test_labels_that_are_free_are_refused(parties, name: str, defense: str) -> None:
    words = (f"attack={name}", "threat=adaptive", f"defense={defense}", *SMALL, "data.batch_size=2")
    with pytest.raises(UserError, match="labels=null: want a mapping"):
        parties(*words, "attack.labels=null")


@pytest.mark.parametrize(("labels", "expected"), [([3, 3, 3], True), ([3, 3, 4], False)])
def test_labels_of_one_class_say_nothing_of_shares(labels: list[int], expected: bool) -> None:
    nothing = torch.zeros(3, 1, 2, 2)
    found = Mixtures(nothing, torch.ones(1), torch.tensor([1, 2, 0]), torch.tensor(labels), (0.0, 1.0))
    assert found.is_of_one_class is expected
