"""Protects: weights from a folder are the very weights, a missing head follows the seed, and no hub is one sentence."""

import shutil

import pytest
import torch
from huggingface_hub import constants
from omegaconf import OmegaConf
from transformers import AutoModel, GPT2Config, GPT2LMHeadModel

from bench.config import compose
from bench.errors import UserError
from bench.models.pretrained import Pretrained
from bench.models.text import TextModel
from bench.models.vocabulary import Vocabulary
from bench.parties import revisions
from bench.results.identity import contents, identity
from datamodules.public_domain import packaged

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
        return identity(OmegaConf.to_container(cfg, resolve=True), contents("data", None, revisions(cfg), []))

    before = own()
    (place / "README.md").write_text("a model")
    assert set(revisions(cfg)) == {key} and own() == before
    network = GPT2LMHeadModel.from_pretrained(place)
    network.transformer.ln_f.bias.data[0] = 0.5
    network.save_pretrained(place)
    assert own() != before


def test_a_vocabulary_of_another_model_is_refused(folder, pieces):
    with pytest.raises(UserError, match=r"model\.vocabulary has 30522 pieces, but .* embeds only 400"):
        made(folder, "causal", pieces)


def test_no_hub_is_one_sentence_within_seconds(monkeypatch, tmp_path, pieces):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"model\.source='bert-base-uncased': no such folder.*leakbench prepare"):
        made("bert-base-uncased", "masked", pieces)
    with pytest.raises(UserError, match=r"cannot be read with head=masked"):
        made(tmp_path, "masked", pieces)
