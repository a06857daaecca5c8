"""Every YAML of configs/ composes, is described, spells out each argument, and builds; new files are found."""

import copy
import functools
import inspect

import pytest
import torch
from config_nodes import nodes
from omegaconf import OmegaConf

from bench.attacks.base import Attack
from bench.config import options
from bench.config.compose import compose
from bench.config.composing import composed_by_hydra
from bench.config.explain import explain
from bench.config.instantiate import import_target, instantiate, parameters
from bench.datamodules.base import VictimDataModule
from bench.engine.settings import EngineSettings
from bench.loggers.base import CellLogger
from bench.metrics.base import SampleMetric
from bench.results.identity import RENAMED, identity, metric_identity, training_identity
from bench.threat import Threat

ROOT = options.config_root()
FILES = [ROOT / "run.yaml", *sorted(ROOT.glob("*/*.yaml"))]
OPTIONS = [
    (group, name) for group in options.groups() if group not in ("suite", "table") for name in options.entries(group)
]
# what cannot be known without the user, and what is not on every machine
REQUIRED = {
    "data=folder": ["data.root=pictures"],
    "data=text_file": ["data.root=sentences.txt"],
    "measure=labels": ["labels=ilrg"],
    "model=custom": ["model.target=torch.nn:Identity"],
    "model=efficientnet_lite0": ["model.weights=null"],
}
# models of sentences, which tests/models/text/test_base.py is about
TEXT = [name for name, entry in options.entries("model").items() if "vocabulary" in OmegaConf.load(entry.path)]
# the options that bring several metrics
GROUPS = ("image", "text", "table", "series")

# No number depends on these, or content stands for them: data and vocabulary (fingerprint), known backbones.
OUTSIDE_GROUPS = {"results", "paths", "logger", "trainer", "executor", "report", "suite", "names", "metric"}
OUTSIDE = {"data.victims", "data.root", "model.vocabulary.root"}
OUTSIDE |= {"engine.chunk", "engine.compile", "engine.threads"}
METRIC_PLACES = {"metric.lpips_alex.weights", "metric.lpips_vgg.weights"}
# A training looks at no victims.
NO_PRICE_KEYS = {"data.batch_size", "data.seed", "data.label_rule", "data.labels"} | {
    "training.runs",
    "training.checkpoints",
}


@functools.cache  # every test below reads it, none changes it
def composed(group, name):
    return compose([f"{group}={name}", *REQUIRED.get(f"{group}={name}", [])])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_says_in_its_first_comment_what_it_is(path):
    description = options.describe(path)
    assert 10 <= len(description) <= 140
    assert "None" not in OmegaConf.to_yaml(OmegaConf.load(path))  # YAML's word is null; None would be text


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_an_option_composes_resolved_and_typed(group, name):
    cfg = composed(group, name)
    assert not OmegaConf.missing_keys(cfg)
    if group in cfg.names:
        assert cfg.names[group].partition(" (")[0] == name
    check_explained(group, name)


def check_explained(group, name):
    """The defaults list is followed by our own reader, which must not show a value that a run does not have."""
    found = explain(options.entries(group)[name])
    # its choice has been composed above, so Hydra is not asked again
    cfg = composed_by_hydra(
        [f"{group}={name}", *(["training=held_out"] if group in ("debug", "experiment") else [])], None
    )
    for setting in found.settings:
        key = setting.key
        if group == "metric" and "_target_" in cfg.metric:
            key = key.replace(f"metric.{name}", "metric", 1)
        node = OmegaConf.select(cfg, key, throw_on_missing=False)
        parent = cfg if "." not in key else OmegaConf.select(cfg, key.rpartition(".")[0])
        raw = parent._get_node(key.rpartition(".")[2])
        if isinstance(setting.value, str) and "${" in setting.value:
            assert raw._value() == setting.value, key
        elif OmegaConf.is_dict(node) and "_target_" in node:
            assert node["_target_"] == setting.value, key
        elif setting.value == "???":
            assert raw._is_missing(), key
        elif OmegaConf.is_config(node):
            assert OmegaConf.to_container(node) == setting.value, key
        else:
            assert node == setting.value, key
    if found.target:
        place = "attack.labels" if group == "labels" else group  # where Hydra puts a rule
        assert OmegaConf.select(cfg, place)["_target_"] == found.target


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_argument_stands_in_the_yaml_and_has_no_default_in_the_code(group, name):
    for key, node in nodes(OmegaConf.to_container(composed(group, name))):
        target = import_target(node["_target_"], key)
        taken = parameters(target)
        assert not taken.is_open, f"{key}: {node['_target_']} takes any keyword: nothing can be checked"
        assert set(taken.configured) <= set(node), key
        defaults = [n for n, p in taken.configured.items() if p.default is not inspect.Parameter.empty]
        assert not defaults, f"{key}: {node['_target_']} has defaults for {defaults}"


@pytest.mark.parametrize("name", options.entries("attack"))
def test_an_attack_builds_and_says_what_it_needs(name):
    cfg = composed("attack", name)
    built = instantiate(
        cfg.attack, "attack", engine=EngineSettings(chunk=2, threads=1, compile=False, precision="float32")
    )
    assert isinstance(built, Attack) and isinstance(built.needs, frozenset)
    assert type(cfg.attack.version) is int and type(cfg.attack.control) is bool
    assert inspect.getdoc(type(built))


@pytest.mark.parametrize("name", options.entries("data"))
def test_a_data_set_builds_without_touching_its_files(name, tmp_path, monkeypatch):
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path))
    built = instantiate(composed("data", name).data, "data")
    assert isinstance(built, VictimDataModule) and built.where() and built.by_hand()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in options.entries("model") if name not in ("custom", *TEXT)])
@pytest.mark.parametrize(("shape", "classes"), [((1, 28, 28), 10), ((3, 32, 32), 7)])
def test_a_model_builds_for_any_shape_and_class_count_and_can_be_differentiated_twice(name, shape, classes):
    model = instantiate(composed("model", name).model, "model", shape=shape, classes=classes).eval()
    images = torch.rand(2, *shape, requires_grad=True)
    logits = model(images)
    assert logits.shape == (2, classes)
    gradients = torch.autograd.grad(logits.logsumexp(1).sum(), list(model.parameters()), create_graph=True)
    (second,) = torch.autograd.grad(sum(g.square().sum() for g in gradients), images)
    assert torch.isfinite(second).all() and second.abs().sum() > 0


@pytest.mark.parametrize(("group", "kind"), [("threat", Threat), ("logger", CellLogger)], ids=["threat", "logger"])
def test_threats_and_loggers_build(group, kind):
    for name in options.entries(group):
        assert isinstance(instantiate(composed(group, name)[group], group), kind)


@pytest.mark.parametrize("name", [name for name in options.entries("metric") if name not in GROUPS])
def test_a_metric_builds_alone(name):
    built = instantiate(composed("metric", name).metric, "metric")
    assert list(built) == [name] and isinstance(built[name], SampleMetric)


def test_names_of_files_are_unique_words():
    for group, name in OPTIONS:
        assert name.replace("_", "").isalnum() and name == name.lower(), (group, name)


def plain(group, name):
    return OmegaConf.to_container(composed(group, name), resolve=True)


def leaves(container, key=()):
    """The path of every value below a container, empty ones included."""
    items = container.items() if isinstance(container, dict) else enumerate(container)
    for name, value in items:
        if isinstance(value, dict | list) and value:
            yield from leaves(value, (*key, name))
        else:
            yield (*key, name)


def changed(config, path):
    """`config` with the value at `path` replaced by another of its kind."""
    other = copy.deepcopy(config)
    place = other
    for name in path[:-1]:
        place = place[name]
    value = place[path[-1]]
    kinds = {bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v + 0.5, str: lambda v: f"{v}x"}
    place[path[-1]] = kinds.get(type(value), lambda v: "another")(value)
    return other


def unseen(config, identify, groups):
    """The keys in these groups whose change leaves the identity as it is."""
    base = identify(config, {})
    paths = [path for path in leaves(config) if path[0] in groups]
    return {".".join(map(str, path)) for path in paths if identify(changed(config, path), {}) == base}


@pytest.mark.parametrize(("group", "name"), [one for one in OPTIONS if one[0] not in OUTSIDE_GROUPS])
def test_each_leaf_of_an_option_makes_another_cell(group, name):
    assert unseen(plain(group, name), identity, {group}) <= OUTSIDE


@pytest.mark.parametrize("name", options.entries("metric"))
def test_each_leaf_of_a_metric_makes_another_identity_of_that_metric_and_of_no_other(name):
    def of_each(config, _):
        return {key: metric_identity(key, node) for key, node in config["metric"].items()}

    config = plain("metric", name)
    assert unseen(config, of_each, {"metric"}) <= METRIC_PLACES
    base = of_each(config, {})
    for path in leaves({"metric": config["metric"]}):
        changes = of_each(changed(config, path), {})
        assert {key for key in base if changes[key] != base[key]} <= {path[1]}


def test_each_leaf_of_a_cell_makes_another_but_for_whole_groups():
    config = plain("attack", "dlg")
    assert unseen(config, identity, set(config) - OUTSIDE_GROUPS) <= OUTSIDE
    groups = OUTSIDE_GROUPS & set(config)
    assert unseen(config, identity, groups) == {
        ".".join(map(str, path)) for path in leaves(config) if path[0] in groups
    }


@pytest.mark.parametrize(("group", "name"), [one for one in OPTIONS if one[0] in ("data", "model", "defense")])
def test_each_leaf_that_a_training_looks_at_makes_another_price(group, name):
    config = {**plain(group, name), "training": plain("training", "held_out")["training"]}
    assert unseen(config, training_identity, {group, "training"}) <= OUTSIDE | NO_PRICE_KEYS


# The names of the classes and functions with which results have been published. The identity of a cell holds these
# names. After a rename, name the published one in `bench.results.identity.RENAMED`, or its results are computed again.
# A new class needs no entry here.
PUBLISHED = """
Adam Backtracking BagOfWords BagOfWordsAttack Bert Bleu CIFAR10 CIFAR100 Causal Clients Clip CoLA Constant ConvNet
Cosine Csv DGC DLG DLGText DLGTextAdam DPSGD Dager Dct Dropout Edits EmbeddingLength ExactMatch Fixed Folder GPT2
Gaussian Half IDLG Int8 InvertingGradients LAMP LBFGS LFW LabelAccuracy Laplacian LastLayer LayerCosine Layers LeNet
LearnedPerceptualSimilarity LocalExecutor LocalSteps MNIST Mean MeanSquaredError MiniLM Ngram Noise
PeakSignalToNoiseRatio Pixels Pretrained Pruning Quantised Ray RelativeError ResNet RottenTomatoes Rouge SST2 SVHN
Samples Scheduled Sentences Sign Silent Slurm Soteria SquaredError Stack Staircase StepDecay StrongWolfe
StructuralSimilarity SurvivingEntries TAG TagDistance TensorBoard TextFile Threat TokenAccuracy TokenSet Tolerances
TorchSteps TotalVariation TrainingSchedule Vocabulary Wandb WikiText custom
"""


def test_each_published_name_is_still_found():
    targets = {node["_target_"] for group, name in OPTIONS for _, node in nodes(plain(group, name))}
    ours = {target for target in targets if target.startswith("bench.")}
    present = {target.rpartition(".")[2] for target in ours}
    assert len(present) == len(ours), "two classes or functions have one name, so their cells would have one identity"
    assert set(RENAMED) <= present and not set(RENAMED.values()) & present
    lost = set(PUBLISHED.split()) - {RENAMED.get(name, name) for name in present}
    assert not lost, "renamed without an entry in bench.results.identity.RENAMED"
