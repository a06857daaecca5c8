"""Protects: a cell is built of what its config names, and what does not go together is refused before any work."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import save_file

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.defenses.clip import Clip
from bench.defenses.stack import Stack
from bench.engine.rng import seeded
from bench.errors import NotApplicable, UserError
from bench.host import capacity
from bench.models.lenet import LeNet
from bench.running import components
from bench.running.components import (
    adopt_tokenizer,
    build,
    check_kinds,
    checkpoint_hash,
    defense_of,
    facts_of,
    instantiate_engine,
    model_builder,
    notice,
    read_contents,
    revisions,
    sources,
)

QUIET = ("logger=none", "metric=mse", "data.set=mnist", "data.victims=3", "trainer=cpu", "engine.threads=1")
FACTS = SimpleNamespace(shape=(1, 28, 28), classes=10, tokenizer=None)


def cell(*words: str) -> DictConfig:
    return compose([*QUIET, *words])


def lenet(seed: int) -> LeNet:
    with seeded(seed, "test"):
        return LeNet(12, [2, 2, 1], "sigmoid", 0.5, None, None, shape=(1, 28, 28), classes=10)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "lenet.safetensors"
    save_file(lenet(7).state_dict(), path)
    return path


@pytest.fixture
def process() -> Iterator[None]:
    """Gives back what `instantiate_engine` sets for the whole process."""
    products: Any = (torch.backends.cuda.matmul, torch.backends.cudnn)
    threads, before = torch.get_num_threads(), [one.allow_tf32 for one in products]
    yield
    torch.set_num_threads(threads)
    for one, allowed in zip(products, before):
        one.allow_tf32 = allowed


def test_the_hash_of_a_checkpoint_is_that_of_its_file(weights: Path, tmp_path: Path) -> None:
    shared = ["model.per_victim=false", f"model.checkpoint={weights}"]
    assert checkpoint_hash(cell(*shared).model) == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert checkpoint_hash(cell().model) is None
    with pytest.raises(UserError, match=r"model.checkpoint needs model.per_victim=false"):
        checkpoint_hash(cell(f"model.checkpoint={weights}").model)
    with pytest.raises(UserError, match=r"model.checkpoint='.*none.pt': no such file"):
        checkpoint_hash(cell("model.per_victim=false", f"model.checkpoint={tmp_path / 'none.pt'}").model)


def test_every_model_has_the_weights_of_the_checkpoint_or_new_ones(weights: Path) -> None:
    loaded = model_builder(cell("model.per_victim=false", f"model.checkpoint={weights}").model, FACTS)
    wanted = lenet(7).state_dict()
    for _ in range(2):
        found = loaded().state_dict()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    fresh = model_builder(cell().model, FACTS)
    with seeded(1, "test"):
        first, second = fresh(), fresh()
    with seeded(1, "test"):
        again = fresh()
    weights_of = [torch.cat([value.flatten() for value in model.parameters()]) for model in (first, second, again)]
    assert torch.equal(weights_of[0], weights_of[2]) and not torch.equal(weights_of[0], weights_of[1])


def test_a_checkpoint_of_another_model_is_found_out_before_the_first_victim(weights: Path) -> None:
    node = cell("model.per_victim=false", f"model.checkpoint={weights}", "model.width=8").model
    with pytest.raises(UserError, match="does not fit the model"):
        model_builder(node, FACTS)


def test_a_cell_is_made_of_the_parts_that_its_config_names() -> None:
    cfg = cell("attack=idlg", "data.batch_size=1", "engine.dtype=float64", "defense=clip")
    contents = read_contents(cfg)
    made = build(cfg, contents)
    assert made.data is contents.data and made.scorer is contents.scorer and made.data.victims == 3
    assert made.client.facts.parameters == sum(value.numel() for value in lenet(0).parameters())
    assert made.engine.precision == "float64" and (contents.checkpoint, contents.pretrained) == (None, {})
    assert list(made.scorer.metrics) == ["mse"]


def test_data_without_labels_serve_controls_only() -> None:
    """There is no loss over unknown classes, so there is no gradient to attack."""
    with pytest.raises(NotApplicable, match="has no labels: it serves controls"):
        build(cell("attack=idlg", "data.set=lfw"))
    assert build(cell("attack=noise", "data.set=lfw")).data.classes is None


def test_a_model_of_another_kind_of_data_is_refused_by_its_signature() -> None:
    images = SimpleNamespace(modality="images", title="mnist")
    sentences = SimpleNamespace(modality="sentences", title="cola")
    pictures, words = cell().model, cell("model=bert_tiny").model
    for data, node, says in ((images, words, "holds images"), (sentences, pictures, "holds sentences")):
        cfg = OmegaConf.create({"model": node, "names": {"model": "mine"}})
        with pytest.raises(UserError, match=f"{says}, and model 'mine' does not take them .try model="):
            check_kinds(cfg, data)  # type: ignore[arg-type]
    check_kinds(OmegaConf.create({"model": pictures, "names": {}}), images)  # type: ignore[arg-type]
    assert adopt_tokenizer(pictures, images) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("public", "size", "known"), [(True, 2, True), (False, 199, False), (False, 200, True), (False, 0, False)]
)
def test_the_mean_of_a_users_own_images_is_public_if_a_batch_is_a_hundredth_of_them(
    public: bool, size: int, known: bool
) -> None:
    """The mean of fewer would say much about the images of the batch."""
    data = SimpleNamespace(public=public, size_of_pool=size, batch_size=2, mean_image="mean", shape=(1, 2, 2))
    data.classes, data.set_aside, data.hidden, data.columns = None, (), 0.0, None
    data.input_range = (0.0, 1.0)
    found = facts_of(data, None)  # type: ignore[arg-type]
    assert found.mean_image == ("mean" if known else None) and found.classes == 1


@pytest.mark.usefixtures("process")
def test_the_engine_takes_threads_and_products_for_the_whole_process() -> None:
    found = instantiate_engine(cell("engine.threads=2", "engine.tf32=true", "engine.chunk=5").engine)
    assert (found.chunk, found.threads, found.compile, found.precision) == (5, 2, None, "float32")
    assert torch.get_num_threads() == 2
    assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
    found = instantiate_engine(cell("engine.threads=null", "engine.compile=false").engine)
    assert torch.get_num_threads() == 2 and found.compile is False  # none given: none set
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    with pytest.raises(UserError, match=r"engine.threads=100000: too many threads"):
        instantiate_engine(cell("engine.threads=100000").engine)


def test_no_defense_is_a_stack_of_none() -> None:
    none = defense_of(cell().defense)
    assert isinstance(none, Stack) and none.parts == []
    assert isinstance(defense_of(cell("defense=clip").defense), Clip)


def test_pretrained_weights_have_the_version_of_their_files_and_a_name_without_folder(tmp_path: Path) -> None:
    folder = tmp_path / "at home" / "net"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    cfg = OmegaConf.create({"model": {"source": str(folder), "weights": None}, "attack": {}})
    first = revisions(cfg)
    assert set(first) == {"model.source"} and first == revisions(cfg)
    data = SimpleNamespace(fingerprint="f", provenance={"name": "mnist"})
    found = sources(cfg, data, "abc")  # type: ignore[arg-type]
    assert found == {
        "data": {"fingerprint": "f", "name": "mnist"},
        "model.checkpoint": {"sha256": "abc"},
        "model.source": {"name": "net", "sha256": first["model.source"]},
    }
    (folder / "config.json").write_text("{ }")
    assert revisions(cfg) != first
    nothing = OmegaConf.create({"model": {"source": None}, "attack": {}})
    assert revisions(nothing) == {} and set(sources(nothing, data, None)) == {"data"}  # type: ignore[arg-type]


def test_a_notice_is_one_line_on_stderr_without_markup_or_control_characters(capfd: pytest.CaptureFixture[str]) -> None:
    notice("[red]a\x1b[2Jb " + "word " * 60)
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("leakbench: [red]a") and "\x1b" not in err


def test_a_set_of_data_that_exceeds_memory_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(capacity, "free_memory", lambda: 3_000_000)
    monkeypatch.setattr(components, "check_inputs", lambda *given: read.append("inputs"))
    with pytest.raises(UserError, match=r"data.victims=4000, data.batch_size=1: the rows of so many examples"):
        read_contents(cell("data.victims=4000"))
    assert read == []
    assert instantiate(cell().data, "data").victims == 3
