"""Five lines for an engineer: is my training leaking?"""

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.errors import NotApplicable, UserError
from bench.models.lenet import LeNet

QUICK = ("metric=mse", "engine.chunk=1")


@pytest.fixture(scope="module")
def dealt():
    """One real CIFAR-10 image and its label."""
    data = instantiate(compose(["data=samples"]).data, "data")
    data.setup("test")
    victims = data.deal([0])
    return victims.inputs[0], victims.labels[0]


@pytest.fixture
def image(dealt):
    """A copy of it."""
    return dealt[0].clone(), dealt[1].clone()


def test_an_untrained_lenet_leaks_its_batch(parties) -> None:
    victims = parties("data.set=mnist", "data.size=8").data.deal([0])
    image = victims.inputs[0], victims.labels[0]
    torch.manual_seed(0)
    net = LeNet(12, (2, 2, 1), "sigmoid", 0.5, None, None, shape=(1, 8, 8), classes=10)
    before = [p.clone() for p in net.parameters()]
    found = bench.audit(net, functional.cross_entropy, image, "idlg", overrides=("attack.evaluations=60", *QUICK))
    assert found.leaks
    assert found.labels.tolist() == image[1].tolist()
    assert float(found.scores["mse"]) == pytest.approx(float((found.inputs - image[0]).square().mean()), rel=1e-4)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters()))


def test_a_control_does_not_leak(image) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    assert not bench.audit(net, functional.cross_entropy, image, "noise", overrides=QUICK).leaks


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x, y: (x * 2 - 1, y), r"\[0, 1\]"),
        (lambda x, y: (x[0], y), r"\[B, C, H, W\]"),
        (lambda x, y: (x, y + 20), r"0\.\.9"),
        (lambda x, y: (x[:, :1], y), "does not take images"),
    ],
)
def test_bad_batches_are_named(image, change, says: str) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    with pytest.raises(UserError, match=says):
        bench.audit(net, functional.cross_entropy, change(*image))


def test_unknown_attacks_get_a_near_match(image) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    with pytest.raises(UserError, match="did you mean 'idlg'"):
        bench.audit(net, functional.cross_entropy, image, "idgl")


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Sigmoid(), nn.Flatten(), nn.Linear(288, 4))


def noise(count: int = 1) -> torch.Tensor:
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(0))


def test_the_private_mean_is_granted_to_nobody() -> None:
    with pytest.raises(NotApplicable, match="mean image of a public data set"):
        bench.audit(small(), functional.cross_entropy, (noise(), torch.tensor([2])), "mean")


@pytest.mark.parametrize("contrast", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("colour", [0.5, 0.2])
def test_a_picture_of_low_contrast_does_not_leak_before_it_is_reconstructed(contrast: float, colour: float) -> None:
    image, label = colour + contrast * (noise() - 0.5), torch.tensor([2])
    blind = bench.audit(small(), functional.cross_entropy, (image, label), overrides=(*QUICK, "attack.evaluations=1"))
    assert blind.evaluations == 1 and not blind.leaks
    flat = (image - image.mean()).square().mean()
    assert float(blind.blank) == pytest.approx(min(float(flat), float((image - 0.5).square().mean())), abs=1e-9)


def test_a_picture_of_low_contrast_leaks_once_it_is_reconstructed() -> None:
    image, label = 0.5 + 0.1 * (noise() - 0.5), torch.tensor([2])
    exact = (*QUICK, "attack.evaluations=400", "attack.stop.objective=1e-12")
    assert bench.audit(small(), functional.cross_entropy, (image, label), overrides=exact).leaks


def test_whether_it_leaks_needs_no_metric() -> None:
    found = bench.audit(small(), functional.cross_entropy, (noise(), torch.tensor([2])), overrides=("metric=psnr",))
    assert found.leaks and list(found.scores) == ["psnr"]
    assert float(found.scores["psnr"]) == pytest.approx(-10 * float(found.mse.log10()), rel=1e-4)


WEIGHTED = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0, 1.0]))


@pytest.mark.parametrize("labels", [[2], [1], [2, 0]])
def test_labels_are_found_under_class_weights(labels: list[int]) -> None:
    """DLG optimises them as probabilities, by whose weights torch does not divide."""
    batch = noise(len(labels)), torch.tensor(labels)
    found = bench.audit(small(), WEIGHTED, batch, "dlg", overrides=(*QUICK, "attack.evaluations=400"))
    assert found.labels.tolist() == labels and float(found.mse.max()) < 1e-5


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("engine", ["float32", "float64"])
def test_class_weights_of_any_type_serve_an_attacker_of_any_precision(dtype: torch.dtype, engine: str) -> None:
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0, 1.0], dtype=dtype))
    batch, few = (noise(), torch.tensor([2])), (*QUICK, f"engine.dtype={engine}")
    assert bench.audit(small(), loss, batch, "dlg", overrides=few).leaks
    assert loss.weight.dtype == dtype


def nll(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.nll_loss(logits.log_softmax(1), targets)


def focal(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    own = logits.log_softmax(1).gather(1, targets[:, None])
    return -((1 - own.exp()) ** 2 * own).mean()


@pytest.mark.parametrize(
    ("loss", "attack", "overrides", "leaks"),
    [
        (nll, "idlg", (), True),
        (nll, "inverting_gradients", ("attack.evaluations=100",), True),
        (nll, "dlg", ("threat=labels_known",), True),
        (nll, "noise", (), False),
        (focal, "idlg", (), True),
        (focal, "idlg", ("threat=labels_known",), True),
    ],
)
def test_losses_of_indices_serve_whoever_does_not_optimise_labels(loss, attack: str, overrides, leaks: bool) -> None:
    batch = noise(), torch.tensor([2])
    found = bench.audit(small(), loss, batch, attack, overrides=(*QUICK, *overrides))
    assert found.leaks == leaks


@pytest.mark.parametrize("loss", [nll, focal])
def test_losses_of_indices_are_refused_to_attacks_that_optimise_labels(loss) -> None:
    says = "takes class indices and no probabilities: use an attack with label inference .*idlg.*threat=labels_known"
    with pytest.raises(NotApplicable, match=says):
        bench.audit(small(), loss, (noise(), torch.tensor([2])), "dlg")


@pytest.mark.parametrize("label", [0, 1])
def test_a_single_output_is_refused_and_never_safe(label: int) -> None:
    def bce(output, target):
        return functional.binary_cross_entropy_with_logits(output.squeeze(1), target.float())

    for net in (
        nn.Sequential(nn.Flatten(), nn.Linear(36, 1)),
        nn.Sequential(nn.Flatten(), nn.Linear(36, 1), nn.Flatten(0)),
    ):
        with pytest.raises(UserError, match=r"single output \(binary cross entropy\) is not served: return two logits"):
            bench.audit(net, bce, (noise(), torch.tensor([label])), "dlg")


@pytest.mark.parametrize(
    ("module", "loss", "says"),
    [
        (nn.Flatten(), functional.cross_entropy, "no trainable parameter"),
        (small(), lambda z, y: functional.cross_entropy(z, y, reduction="none"), "want one number"),
        (small(), functional.binary_cross_entropy_with_logits, "does not take .* class indices"),
        (nn.Conv2d(1, 3, 3), functional.cross_entropy, r"does not return logits .*but \[1, 3, 4, 4\]"),
    ],
    ids=["no parameters", "a vector", "several findings", "a mask"],
)
def test_modules_and_losses_that_are_no_classifiers_are_one_line(module, loss, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        bench.audit(module, loss, (noise(), torch.tensor([2])))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrap",
    [nn.DataParallel, lambda m: torch.compile(m, backend="eager"), lambda m: m.double(), lambda m: m.bfloat16()],
    ids=["DataParallel", "compiled", "float64", "bfloat16"],
)
def test_networks_are_audited_as_a_training_leaves_them(wrap) -> None:
    wrapped = wrap(small())
    dtype = next(wrapped.parameters()).dtype
    assert bench.audit(wrapped, nn.CrossEntropyLoss(), (noise(), torch.tensor([2])), overrides=QUICK).leaks
    assert next(wrapped.parameters()).dtype == dtype
