"""LPIPS against the authors' package and published values: a random backbone gives plausible, wrong numbers."""

import functools
import pickle
from pathlib import Path

import lpips as authors
import pytest
import torch
import torchvision
from torch import nn

from bench.errors import UserError
from bench.metrics import backbones
from bench.metrics import lpips as module
from bench.metrics.base import Batch
from bench.metrics.lpips import LearnedPerceptualSimilarity, enlarge, network, perceptual_distance

CPU = torch.device("cpu")
NETS = ["alex", "vgg"]


def metric(net, folder, size=64, chunk=64):
    return LearnedPerceptualSimilarity(net, size, str(folder), chunk)


def compare(judge, guess, truth):
    labels = torch.zeros(guess.shape[:2], dtype=torch.int64)
    return judge.score(Batch.clipped(guess, labels), Batch.clipped(truth, labels))


@pytest.fixture(scope="module")
def oracle(shared_weights):
    """The authors' own network on the same weights; takes `[N, 3, H, W]` in [0, 1]."""
    built = {}
    for net in NETS:
        # without values: a hundred million random numbers would be drawn for layers that are thrown away
        with torch.device("meta"):
            built[net] = authors.LPIPS(pretrained=False, pnet_rand=True, net=net, verbose=False)
        built[net].to_empty(device="cpu").scaling_layer = authors.ScalingLayer()
        linear = Path(authors.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
        built[net].load_state_dict(torch.load(linear, "cpu", weights_only=True), strict=False)
        layers = backbones.load(net, backbones.find(net, shared_weights))
        names = built[net].net.state_dict()
        built[net].net.load_state_dict({name: layers["features." + name.split(".", 1)[1]] for name in names})

    @torch.no_grad()
    def distance(net, guess, truth):
        return built[net](guess, truth, normalize=True).flatten()

    return distance


@pytest.mark.parametrize(
    ("net", "name"),
    [
        *(("alex", name) for name in ("mnist", "cifar10", "large")),
        *(("vgg", name) for name in ("mnist", "cifar10")),
        pytest.param("vgg", "large", marks=pytest.mark.slow),
    ],
)
def test_equals_the_authors_package_bit_for_bit(images, noisy, oracle, shared_weights, net, name):
    truth = images[name][:2]
    guess = torch.cat([noisy(truth[:1], 0.2), truth[:1]])
    ours = compare(metric(net, shared_weights), guess.unsqueeze(0), truth.unsqueeze(0)).flatten()
    colour = [x.repeat(1, 3 // x.shape[1], 1, 1) for x in (guess, truth)]
    if name != "large":
        colour = [nn.Upsample((64, 64), mode="bilinear", align_corners=False)(x) for x in colour]
    assert torch.equal(ours, oracle(net, *colour))
    assert (ours > 0.005).all()


@pytest.mark.slow
def test_gives_the_value_of_torchmetrics_docstring(shared_weights):
    """0.3493 for ten random pairs after `torch.manual_seed(123)` and the construction of a pretrained VGG network.

    The construction draws random numbers first: those of torchvision's VGG16, then of five linear layers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(123)
        torchvision.models.vgg16(weights=None, init_weights=False)
        for channels in (64, 128, 256, 512, 512):
            nn.Conv2d(channels, 1, 1, bias=False)
        guess, truth = torch.rand(1, 10, 3, 100, 100), torch.rand(1, 10, 3, 100, 100)
    assert compare(metric("vgg", shared_weights), guess, truth).mean().item() == pytest.approx(0.3493, abs=5e-5)


def test_a_random_backbone_would_be_noticed(images, shared_weights):
    """The tests above could not fail if the weights did not matter."""
    truth = images["cifar10"][:4].unsqueeze(0)
    real = network("alex", backbones.find("alex", shared_weights), CPU)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fake = authors.LPIPS(pretrained=True, pnet_rand=True, net="alex", verbose=False).eval().requires_grad_(False)
    ours, wrong = (perceptual_distance(net, truth.roll(1, 1), truth, 64, 64) for net in (real, fake))
    assert (wrong > 0).all() and (wrong < ours / 3).all()


@pytest.mark.parametrize("net", NETS)
def test_identical_images_score_zero_and_more_noise_scores_worse(images, noisy, shared_weights, net):
    truth = images["cifar10"][:2].unsqueeze(0)
    judge = metric(net, shared_weights)
    assert (compare(judge, truth, truth) == 0).all()
    scores = torch.stack([compare(judge, noisy(truth, sigma), truth).mean() for sigma in (0.01, 0.05, 0.2)])
    assert (scores.diff() > 0).all() and scores[0] > 0


def test_gray_is_replicated_and_the_range_is_clipped(images, noisy, shared_weights):
    truth = images["mnist"][:2].unsqueeze(0)
    guess = noisy(truth, 0.2)
    judge = metric("vgg", shared_weights)
    colour = compare(judge, guess.repeat(1, 1, 3, 1, 1), truth.repeat(1, 1, 3, 1, 1))
    assert torch.equal(compare(judge, guess, truth), colour)
    outside = guess.masked_fill(guess == 1, 9.0).masked_fill(guess == 0, -9.0)
    assert torch.equal(compare(judge, outside, truth), colour)


def test_chunks_do_not_change_the_scores(images, shared_weights):
    truth = images["cifar10"].unflatten(0, (4, 5))
    whole, parts = (compare(metric("alex", shared_weights, chunk=c), truth.roll(1, 1), truth) for c in (64, 3))
    assert whole.shape == (4, 5)
    # Convolutions of another batch size add up in another order: float32 rounding.
    assert torch.allclose(whole, parts, atol=1e-6)


def test_enlarging_is_bilinear_with_centres_aligned():
    row = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 1, 2, 2)
    assert enlarge(row, 4)[0, 0, 0].tolist() == [0.0, 0.25, 0.75, 1.0]


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [((28, 28), 64, (64, 64)), ((32, 48), 64, (64, 96)), ((63, 63), 64, (64, 64)), ((28, 28), None, (28, 28))],
)
def test_only_small_images_are_enlarged(shape, size, expected):
    assert enlarge(torch.zeros(1, 3, *shape), size).shape[2:] == expected


@pytest.mark.parametrize("shape", [(64, 64), (64, 100), (65, 65)])
def test_images_at_or_above_the_size_are_left_alone(shape):
    x = torch.rand(1, 3, *shape)
    assert enlarge(x, 64) is x


@pytest.fixture
def _nothing_built(monkeypatch):
    """No network has been built yet; those of the other tests are kept aside."""
    monkeypatch.setattr(module, "network", functools.lru_cache(network.__wrapped__))


@pytest.mark.usefixtures("_nothing_built")
def test_building_draws_no_random_number_and_leaves_nothing_to_store(shared_weights, images):
    state = torch.get_rng_state()
    judge = metric("alex", shared_weights)
    truth = images["cifar10"][:2].unsqueeze(0)
    before = compare(judge, truth.roll(1, 1), truth)
    assert torch.equal(torch.get_rng_state(), state)
    assert judge.state_dict() == {} and list(judge.parameters()) == []
    assert len(pickle.dumps(judge)) < 20_000
    built = module.network("alex", backbones.find("alex", shared_weights), CPU)
    assert not built.training and not any(p.requires_grad for p in built.parameters())
    assert torch.equal(compare(pickle.loads(pickle.dumps(judge)), truth.roll(1, 1), truth), before)


@pytest.mark.usefixtures("_nothing_built")
def test_works_inside_and_after_inference_mode(shared_weights, images):
    """Lightning tests in inference mode; a network built there must serve afterwards too."""
    truth = images["cifar10"][:2].unsqueeze(0)
    with torch.inference_mode():
        inside = compare(metric("alex", shared_weights), truth.roll(1, 1), truth).clone()
    guess = truth.roll(1, 1).requires_grad_()
    assert torch.equal(compare(metric("alex", shared_weights), guess, truth), inside)


def test_missing_weights_are_a_reason_and_never_a_number(tmp_path):
    judge = metric("vgg", tmp_path / "nowhere")
    sentence = f"no ImageNet weights for net=vgg in {tmp_path / 'nowhere'}; run: leakbench prepare lpips"
    assert judge.reason((3, 32, 32)) == sentence
    with pytest.raises(UserError, match="no ImageNet weights for net=vgg"):
        compare(judge, torch.zeros(1, 1, 3, 32, 32), torch.zeros(1, 1, 3, 32, 32))


def test_broken_weights_are_found_before_the_run(shared_weights, tmp_path):
    whole = (shared_weights / "alexnet_features.safetensors").read_bytes()
    (tmp_path / "alexnet_features.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"alexnet_features\.safetensors"):
        metric("alex", tmp_path).reason((3, 32, 32))


def test_shapes_that_have_no_score(shared_weights):
    assert metric("alex", shared_weights).reason((2, 32, 32)) == "needs images of 1 or 3 channels; these have 2"
    assert metric("alex", shared_weights).reason((1, 28, 28)) is None
    small = metric("alex", shared_weights, size=None).reason((1, 28, 28))
    assert small == "needs images of at least 31x31 pixels; these are 28x28"
    assert metric("vgg", shared_weights, size=None).reason((1, 28, 28)) is None


@pytest.mark.parametrize("net", NETS)
def test_the_smallest_admissible_size_is_the_networks_own(shared_weights, net):
    """One pixel less and the network itself refuses."""
    least = backbones.NETS[net].smallest
    built = network(net, backbones.find(net, shared_weights), CPU)
    x, y = torch.rand(1, 1, 3, least, least), torch.rand(1, 1, 3, least, least)
    assert perceptual_distance(built, x, y, None, 1).isfinite().all()
    with pytest.raises(RuntimeError):
        perceptual_distance(built, x[..., 1:, 1:], y[..., 1:, 1:], None, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": "squeeze"}, r"metric\.lpips\.net=squeeze: must be one of alex, vgg"),
        ({"size": 16}, r"metric\.lpips\.size=16: net=alex needs at least 31x31"),
        ({"size": 64.5}, r"metric\.lpips\.size=64\.5: must be a whole number"),
        ({"chunk": 0}, r"metric\.lpips\.chunk=0: must be a positive number"),
    ],
)
def test_wrong_arguments_are_one_clear_line(change, message):
    with pytest.raises(UserError, match=message):
        LearnedPerceptualSimilarity(**({"net": "alex", "size": 64, "weights": ".", "chunk": 64} | change))


def test_facts_name_net_size_and_interpolation(tmp_path):
    facts = metric("vgg", tmp_path).facts()
    assert (facts["net"], facts["size"]) == ("LPIPS v0.1, vgg16", 64)
    assert facts["interpolation"].startswith("bilinear") and facts["direction"] == "lower is better"
