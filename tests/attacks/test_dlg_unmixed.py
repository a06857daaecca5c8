"""Through mixup: mixtures of two images are taken apart, by their labels or by the range of pixels."""

import pytest
import torch
from attacks.test_gradient_matching import run
from torch.nn.functional import one_hot

from bench.attacks.dlg_unmixed import mixed, share_by_labels, share_by_range, unmixed
from bench.errors import NotApplicable

# small enough for a second or two
SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "data.batch_size=2", "engine.compile=false")
KNOWN = ("threat=adaptive", "defense=mixup")


def batches() -> torch.Tensor:
    """Three pairs of images with black and white pixels, as digits have them."""
    images = torch.rand(3, 2, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.where(images < 0.3, 0.0, torch.where(images > 0.7, 1.0, images))


@pytest.mark.parametrize("own", [0.0, 0.3, 0.9, 1.0])
def test_mixtures_are_the_defences_and_are_taken_apart(own: float) -> None:
    """The partner of each of two is the other one; the defence's formula, written out."""
    images, share = batches(), torch.full((3,), own, dtype=torch.float64)
    found = mixed(images, share)
    torch.testing.assert_close(found[:, 0], own * images[:, 0] + (1 - own) * images[:, 1])
    torch.testing.assert_close(found[:, 1], own * images[:, 1] + (1 - own) * images[:, 0])
    torch.testing.assert_close(unmixed(found, share), images)


def test_labels_of_two_classes_tell_the_share_up_to_the_order_of_the_images() -> None:
    labels, share = torch.tensor([[3, 1], [0, 4], [2, 2]]), torch.tensor([0.2, 0.7, 0.6]).double()
    images, soft = batches(), one_hot(labels, 5).double()
    found, own = share_by_labels(mixed(soft, share))
    back = unmixed(mixed(images, share), own)
    for i in range(2):
        same = torch.equal(found[i], labels[i])
        assert same or torch.equal(found[i], labels[i].flip(0))
        torch.testing.assert_close(back[i], images[i] if same else images[i].flip(0))
    assert found[2].tolist() == [2, 2] and own[2] == 1  # one class says nothing of the share


def test_equal_shares_do_not_divide_by_zero() -> None:
    soft = mixed(one_hot(torch.tensor([[3, 1]]), 5).double(), torch.tensor([0.5]))
    assert unmixed(batches()[:1], share_by_labels(soft)[1]).isfinite().all()


def test_the_range_of_pixels_tells_the_share_of_two_images_of_one_class() -> None:
    """Black and white pixels leave the range as soon as too much is taken apart.

    Each percent more takes them about a percent further out, and two percent are tolerated. The grid's step is 0.005.
    """
    share = torch.tensor([0.6, 0.8, 0.95]).double()
    found = share_by_range(mixed(batches(), share), 0.0, 1.0)
    assert (found - share).abs().max() < 0.05
    assert (found <= share + 1e-9).all()  # nearest to 1/2 within the tolerance


@pytest.mark.slow
def test_two_digits_come_back_from_their_mixtures(parties) -> None:
    """In either order, since nothing says which mixture was whose; seen: 5e-3. Plain DLG finds the mixtures."""
    worst = {}
    for name in ("dlg_unmixed", "dlg"):
        built = parties(f"attack={name}", "attack.evaluations=150", *KNOWN, *SMALL, "data.label_rule=unique")
        victims = built.data.deal([0])
        found = run(built.attack, built.client.share(victims))
        orders = (victims.inputs[0], victims.inputs[0].flip(0))
        off = [(found.inputs[0] - order).square().mean((1, 2, 3)).max() for order in orders]
        worst[name] = float(min(off))
    assert worst["dlg_unmixed"] < 1e-2 and worst["dlg"] > 2 * worst["dlg_unmixed"]


@pytest.mark.slow
def test_the_claim_explains_what_was_shared(parties) -> None:
    built = parties("attack=dlg_unmixed", "attack.evaluations=150", *KNOWN, *SMALL, "data.label_rule=unique")
    seen = built.client.share(built.data.deal([0]))
    (found,) = built.attack.reconstruct(seen, 0)
    held = {name: value[0] for name, value in seen.parameters.items()}
    length = sum(float(value.square().sum()) for value in seen.gradients.values())

    def off(gradient) -> float:
        own = gradient(held, {}, found.inputs[0], found.labels[0])
        return sum(float((own[name] - value[0]).square().sum()) for name, value in seen.gradients.items()) / length

    assert off(built.attack.explained(seen, {"share": found.unknowns["share"][0]})) < 1e-3 < off(seen.task.gradient)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("defense=clip", "threat=adaptive"), "needs a client that mixes its batch once"),
        (("defense=mixup",), "needs to know the client's defences"),
        ((*KNOWN, "data.batch_size=3"), "this batch has 3"),
    ],
)
def test_what_it_cannot_serve_is_one_line(parties, overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties("attack=dlg_unmixed", *SMALL, *overrides)
