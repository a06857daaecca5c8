"""Protects: weights from a folder are the very weights, a missing head follows the seed, and no hub is one sentence."""

import hashlib
import json
import shutil
import subprocess

import pytest
import torch
from huggingface_hub import constants
from omegaconf import OmegaConf
from transformers import AutoModel, GPT2Config, GPT2LMHeadModel

from bench.config.compose import compose
from bench.datamodules.public_domain import packaged
from bench.errors import UserError
from bench.models.text.base import TextModel
from bench.models.text.pretrained import Pretrained
from bench.models.text.vocabulary import Vocabulary
from bench.results import query
from bench.results.identity import contents, identity
from bench.results.store import load
from bench.results.stored_leak import StoredLeak
from bench.running.cell import run_cell
from bench.running.components import revisions

TOKENS, MASK = torch.tensor([[101, 2655, 2033, 102, 0]]), torch.tensor([[True, True, True, True, False]])


def made(source, head, tokenizer, classes=2, seed=0):
    torch.manual_seed(seed)
    return Pretrained(str(source), None, head, shape=(5,), classes=classes, tokenizer=tokenizer).eval()


@pytest.fixture(scope="module")
def pieces(minilm):
    return Vocabulary(str(minilm), "wordpiece", 300).make(())


def test_states_are_those_of_transformers_with_its_own_mask_and_tokens(minilm, pieces):
    """float32, fused attention there and eager here: equal to rounding."""
    ours = made(minilm, "classification", pieces)
    theirs = AutoModel.from_pretrained(minilm, dtype=torch.float32).eval()
    with torch.no_grad():
        expected = theirs(input_ids=TOKENS, attention_mask=MASK.long()).pooler_output
        logits = ours.network.classifier(expected)
        torch.testing.assert_close(ours(TOKENS, MASK), logits, rtol=1e-4, atol=1e-5)


def test_the_fresh_head_follows_the_seed(minilm, pieces):
    one, again, other = (made(minilm, "classification", pieces, classes=3, seed=seed) for seed in (0, 0, 1))
    weights = [model.network.classifier.weight for model in (one, again, other)]
    assert weights[0].shape == (3, 384) and torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small GPT-2 as `save_pretrained` writes it, with a tokeniser of its own."""
    path = tmp_path_factory.mktemp("gpt2")
    tokenizer = Vocabulary(None, "bytes", 400).make(packaged().sentences)
    config = GPT2Config(vocab_size=400, n_embd=32, n_layer=1, n_head=2, n_positions=32, bos_token_id=0, eos_token_id=0)
    torch.manual_seed(3)
    GPT2LMHeadModel(config).save_pretrained(path)
    tokenizer._backend.save(str(path / "tokenizer.json"))
    return path


def test_a_folder_with_a_language_model(folder):
    tokenizer = Vocabulary(str(folder), "bytes", 300).make(())
    model = made(folder, "causal", tokenizer, classes=len(tokenizer))
    theirs = GPT2LMHeadModel.from_pretrained(folder).eval()
    tokens = torch.tensor([tokenizer.encode("Call me")[:5]])
    with torch.no_grad():
        expected = theirs(input_ids=tokens).logits
        found = model(tokens, torch.ones_like(tokens, dtype=torch.bool))
    torch.testing.assert_close(found[:, 1:], expected[:, :-1], rtol=1e-4, atol=1e-5)
    assert isinstance(model, TextModel) and model.tied
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["model=huggingface", "model.source={}"], "model.source"),
        (["attack=lamp_gpt2", "attack.language_model.source={}"], "attack.language_model.source"),
    ],
)
def test_a_cell_is_another_one_where_the_folder_holds_other_weights(folder, tmp_path, words, key):
    """The weights that are attacked, and those that judge: same config, same path. A readme changes nothing."""
    place = tmp_path / "weights"
    shutil.copytree(folder, place)
    cfg = compose(["data=sentences", *(word.format(place) for word in words)])

    def own():
        return identity(OmegaConf.to_container(cfg, resolve=True), contents("data", None, revisions(cfg)))

    before = own()
    (place / "README.md").write_text("a model")
    assert set(revisions(cfg)) == {key} and own() == before
    network = GPT2LMHeadModel.from_pretrained(place)
    network.transformer.ln_f.bias.data[0] = 0.5
    network.save_pretrained(place)
    assert own() != before


COMMITS = ("a" * 40, "b" * 40)


@pytest.fixture
def cache(folder, tmp_path, monkeypatch):
    """Hugging Face's cache with two commits of one model, which differ in a bias; its branch main is the first."""
    model = tmp_path / "hub" / "models--org--tiny"
    for place, commit in enumerate(COMMITS):
        shutil.copytree(folder, model / "snapshots" / commit)
        network = GPT2LMHeadModel.from_pretrained(folder)
        network.transformer.ln_f.bias.data[0] = float(place)
        network.save_pretrained(model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMITS[0])
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return model


def bias_of(source, pieces):
    return made(source, "causal", pieces, classes=len(pieces)).network.transformer.ln_f.bias[0].item()


def test_a_name_means_one_commit_and_may_say_which(cache):
    pieces = Vocabulary("org/tiny", "bytes", 300).make(())
    assert bias_of("org/tiny", pieces) == 0 and bias_of(f"org/tiny@{COMMITS[1]}", pieces) == 1
    cfg = compose(["data=sentences", "model=huggingface", f"model.source=org/tiny@{COMMITS[1]}"])
    assert revisions(cfg) == {"model.source": COMMITS[1]}
    (cache / "refs" / "main").write_text(COMMITS[1])
    assert bias_of("org/tiny", pieces) == 1 and bias_of(f"org/tiny@{COMMITS[0]}", pieces) == 0
    with pytest.raises(
        UserError, match=r"model\.source='org/tiny@v9': no such folder, not in Hugging Face's cache, and"
    ):
        made("org/tiny@v9", "causal", pieces)


def test_repository_commit_and_hash_of_data_and_weights_are_in_cell_and_row(cache, tmp_path):
    """The hash is that of the files of the snapshot, computed here with the command of the system."""
    text = tmp_path / "mine.tsv"
    text.write_text("label\tsentence\n" + "".join(f"{i % 2}\tsentence number {i}\n" for i in range(6)))
    words = ["data=text_file", f"data.root={text}", "data.surrogate=0", "data.victims=1", "model=huggingface"]
    words += [
        "model.source=org/tiny",
        "attack=noise",
        "metric=exact_match",
        "logger=none",
        f"results={tmp_path / 'out'}",
    ]
    run_cell(compose([*words, "trainer=cpu"]))
    (folder,) = (tmp_path / "out" / "cells").iterdir()
    cell = load(folder, StoredLeak)
    found = cell.facts["sources"]
    sums = subprocess.run(["sha256sum", text], capture_output=True, text=True, check=True).stdout.split()
    assert found["data"]["sha256"] == sums[0] and found["data"]["name"] == "mine.tsv"
    assert len(found["data"]["fingerprint"]) == 64
    snapshot = cache / "snapshots" / COMMITS[0]
    files = sorted(file for file in snapshot.iterdir() if file.suffix in (".json", ".safetensors"))
    sums = subprocess.run(["sha256sum", *files], capture_output=True, text=True, check=True).stdout.split()[::2]
    content = "".join(f"{file.name} {value};" for file, value in zip(files, sums, strict=True))
    expected = {"name": "org/tiny", "commit": COMMITS[0], "sha256": hashlib.sha256(content.encode()).hexdigest()}
    assert found["model.source"] == found["model.vocabulary.root"] == expected
    assert json.loads(query.rows(cell).victims["sources"][0].as_py()) == found


def test_a_vocabulary_of_another_model_is_refused(folder, pieces):
    with pytest.raises(UserError, match=r"model\.vocabulary has 30522 pieces, but .* embeds only 400"):
        made(folder, "causal", pieces)


def test_no_hub_is_one_sentence_within_seconds(monkeypatch, tmp_path, pieces):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"model\.source='bert-base-uncased': no such folder.*leakbench prepare"):
        made("bert-base-uncased", "masked", pieces)
    with pytest.raises(UserError, match=r"cannot be read with head=masked"):
        made(tmp_path, "masked", pieces)
