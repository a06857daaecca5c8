"""An attack that undoes one change of the examples refuses a client that changes them otherwise, or twice."""

import pytest

from bench.attacks.known_change import only_change
from bench.errors import NotApplicable

WORDS = ("attack DLGUnmixed", "mixes the images", "defense=mixup")


@pytest.mark.parametrize(
    ("defense", "served"),
    [
        ("defense=mixup", True),
        ("defense=stack defense.parts=[mixup,gaussian]", True),  # noise on the gradient changes no example
        ("defense=instahide", False),
        ("defense=none", False),
        ("defense=stack defense.parts=[mixup,instahide]", False),
    ],
)
def test_one_change_alone_is_served(defense: str, served: bool, parties) -> None:
    built = parties("data.batch_size=2", "threat=adaptive", *defense.split())
    seen = built.client.share(built.data.deal(range(1)))
    if served:
        assert only_change(seen, "Mixup", *WORDS)["defense"] == "Mixup"
        return
    with pytest.raises(
        NotApplicable,
        match=r"needs a client that mixes the images of one step, and .* in no other way \(defense=mixup\)",
    ):
        only_change(seen, "Mixup", *WORDS)


def test_a_client_whose_defences_are_not_known_is_refused(parties) -> None:
    built = parties("data.batch_size=2", "defense=mixup")
    with pytest.raises(NotApplicable, match="attack DLGUnmixed"):
        only_change(built.client.share(built.data.deal(range(1))), "Mixup", *WORDS)
