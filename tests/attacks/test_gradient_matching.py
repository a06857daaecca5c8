"""Attacks see the observation and nothing else; what they reconstruct is checked where the answer is known."""

import pytest
import torch
from references import sequential

from bench.attacks.base import Attack
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims

# each evaluation is many times quicker than one of the preset's network on images of 28x28 or 32x32
SMALL = ("data.set=mnist", "data.size=8", "model.width=3")


def run(attack: Attack, seen: Observation, seed: int = 0) -> Reconstruction:
    """All claims, in the order of the observation."""
    return joined(list(attack.reconstruct(seen, seed)), seen)


def joined(pieces: list[Reconstruction], seen: Observation) -> Reconstruction:
    """The claims as one, in the order of the observation."""
    ids = torch.cat([piece.ids for piece in pieces])
    order = torch.stack([torch.nonzero(ids == i).squeeze() for i in seen.ids])
    return Reconstruction(
        ids=ids[order],
        inputs=torch.cat([p.inputs for p in pieces])[order],
        labels=torch.cat([p.labels for p in pieces])[order],
        objective=torch.cat([p.objective for p in pieces])[order],
        iterations=torch.cat([p.iterations for p in pieces])[order],
        evaluations=torch.cat([p.evaluations for p in pieces])[order],
        seconds=torch.cat([p.seconds for p in pieces])[order],
        status=[[s for p in pieces for s in p.status][i] for i in order.tolist()],
    )


@pytest.mark.parametrize("name", ["dlg", "idlg", "dlg_published", "idlg_published", "noise", "mean"])
def test_the_truth_is_not_in_reach(parties, name: str) -> None:
    """Overwriting the victims between share and reconstruct changes nothing, bit for bit."""
    budget = {"dlg": "attack.evaluations=5", "idlg": "attack.evaluations=5"}
    budget |= {f"{n}_published": "attack.iterations=1" for n in ("dlg", "idlg")}
    built = parties(f"attack={name}", "engine.chunk=2", *SMALL, *([budget[name]] if name in budget else []))
    claims = []
    for erase in (False, True):
        victims = built.data.deal([0, 1])
        seen = built.client.share(victims)
        if erase:
            victims.inputs.fill_(0.5)
            victims.labels.fill_(0)
            victims.samples.fill_(0)
        claims.append(run(built.attack, seen))
    assert torch.equal(claims[0].inputs, claims[1].inputs)
    assert torch.equal(claims[0].labels, claims[1].labels)
    assert not any(isinstance(value, Victims) for value in vars(built.attack).values())


@pytest.mark.parametrize("data", ["mnist", "cifar10", "cifar100"])
def test_idlg_reads_every_label(parties, data: str) -> None:
    """All 20 real images of each set: exact, as iDLG's table 1 reports. Brute force: only the true label's gradient
    at the true image equals the shared one."""
    built = parties("attack=idlg", f"data.set={data}")
    victims = built.data.deal(range(20))
    seen = built.client.share(victims)
    inferred = built.attack.labels(seen)
    assert torch.equal(inferred, victims.labels)
    i, distance = 7, []
    for label in range(built.data.classes):
        gradient = seen.task.gradient(
            {n: v[i] for n, v in seen.parameters.items()}, {}, victims.inputs[i], torch.tensor([label])
        )
        distance.append(sum(((g - seen.gradients[n][i]) ** 2).sum().item() for n, g in gradient.items()))
    assert distance.index(min(distance)) == inferred[i, 0]


def test_the_label_without_a_bias_needs_the_weight(parties) -> None:
    """The rule of the paper (sum of a row's gradient) where the layer has no bias; exact behind a sigmoid."""
    built = parties("attack=idlg", "data.set=cifar100")
    victims = built.data.deal(range(20))
    seen = built.client.share(victims)
    seen.task.last_bias = None
    assert torch.equal(built.attack.labels(seen), victims.labels)


def test_a_linear_model_gives_its_input_away(parties, tmp_path, monkeypatch) -> None:
    """One linear layer in float64: grad W = (p - y) x', so the image is the minimiser. > 45 dB.

    At 28x28 some runs end on the plateau where the softmax saturates; at 8x8 none does."""
    (tmp_path / "linear_net.py").write_text(
        "from torch import nn\n"
        "def net(shape, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    built = parties(
        "attack=idlg", "model=custom", "model.target=linear_net:net", "engine.dtype=float64", "attack.evaluations=400",
        "attack.stop.objective=1e-14", "data.set=mnist", "data.size=8",
    )  # fmt: skip
    victims = built.data.deal(range(4))
    claim = run(built.attack, built.client.share(victims))
    mse = ((claim.inputs - victims.inputs) ** 2).flatten(1).mean(1)
    assert (mse < 10 ** (-45 / 10)).all()


@pytest.mark.parametrize("name", ["dlg", "idlg"])
def test_many_at_once_equal_one_by_one(parties, name: str) -> None:
    """Early on the paths differ by rounding only (float64, 15 evaluations: 1e-6 is far above it)."""
    settings = (f"attack={name}", "attack.evaluations=15", "engine.dtype=float64", *SMALL)
    several, single = parties(*settings, "engine.chunk=3"), parties(*settings, "engine.chunk=1")
    seen = several.client.share(several.data.deal(range(3)))
    together, alone = run(several.attack, seen), run(single.attack, seen)
    torch.testing.assert_close(together.inputs, alone.inputs, rtol=1e-6, atol=1e-6)
    assert torch.equal(together.evaluations, alone.evaluations)
    assert torch.equal(together.labels, alone.labels)


@pytest.mark.parametrize("name", ["dlg", "idlg"])
def test_published_iterates_equal_torchs_loop(parties, name: str) -> None:
    """Ten iterations in float64 on a real image, against a plain loop of torch.optim.LBFGS with a real module."""
    budget = ("attack.iterations=1", "attack.stop.inner=10")
    built = parties(f"attack={name}_published", *budget, "engine.dtype=float64", "engine.chunk=2", *SMALL)
    seen = built.client.share(built.data.deal([0, 1]))
    seen.parameters = {n: v.double() for n, v in seen.parameters.items()}
    seen.gradients = {n: v.double() for n, v in seen.gradients.items()}
    labels = built.attack.labels(seen) if name == "idlg" else None
    claim = run(built.attack, seen)
    for i in range(2):
        start = built.attack.start_of(seen, 0, i)
        value = sequential.matching_objective(seen, i, labels, built.client.model.double())
        z = sequential.minimise(value, start, steps=1, inner=10)
        ours = claim.inputs[i].flatten().double()
        scale = z[: len(ours)].abs().max()
        assert (ours - z[: len(ours)]).abs().max() <= 1e-6 * scale  # claims are float32


def test_status_and_counts_of_a_real_run(parties) -> None:
    built = parties("attack=idlg", "attack.evaluations=10", "engine.chunk=2", *SMALL)
    seen = built.client.share(built.data.deal([3, 1, 4]))
    claim = run(built.attack, seen)
    assert claim.ids.tolist() == [3, 1, 4]
    assert claim.status == [Status.BUDGET] * 3
    assert claim.evaluations.tolist() == [10] * 3
    assert torch.isfinite(claim.objective).all()


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("attack=idlg", "data.batch_size=2"), "batch of one"),
        (("attack=dlg", "threat=eavesdropper"), "batch size"),
        (("attack=idlg_published", "threat=eavesdropper"), "batch size"),
    ],
)
def test_what_an_attack_cannot_serve_is_refused(parties, overrides: tuple[str, ...], says: str) -> None:
    with pytest.raises(NotApplicable, match=says):
        parties(*overrides)


def test_known_labels_are_used(parties) -> None:
    """Then even iDLG takes batches of several images."""
    built = parties(
        "attack=idlg", "data.batch_size=2", "threat=labels_known", "attack.evaluations=3", "engine.chunk=2", *SMALL
    )
    victims = built.data.deal([0, 1])
    assert torch.equal(run(built.attack, built.client.share(victims)).labels, victims.labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["idlg", "idlg_published"])
def test_a_victims_result_does_not_depend_on_its_company(parties, name: str) -> None:
    """Eager, float32, threads fixed: refilled at different times, in any share of the victims (as on several processes)
    the images are the same to the bit. (Another chunk rounds otherwise, and is another cell.)"""
    budget = ["attack.evaluations=8"] if name == "idlg" else ["attack.iterations=2", "attack.stop.inner=3"]
    built = parties(f"attack={name}", *budget, *SMALL, "engine.chunk=2", "engine.compile=false")
    found: list[dict[int, torch.Tensor]] = []
    for ids in (range(5), (4, 2), (1, 3, 4)):
        claim = run(built.attack, built.client.share(built.data.deal(list(ids))))
        found.append(dict(zip(claim.ids.tolist(), claim.inputs)))
    for other in found[1:]:
        for victim, images in other.items():
            assert torch.equal(images, found[0][victim])
