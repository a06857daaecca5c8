"""A pretrained language model as a judge: transformers' own loss, and one sentence where there is no such model."""

from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import constants
from transformers import GPT2Config, GPT2LMHeadModel

from bench.datamodules.public_domain import packaged
from bench.errors import UserError
from bench.models.text.vocabulary import Vocabulary
from bench.priors.causal import Causal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small GPT-2 as `save_pretrained` writes it, with a tokeniser of its own."""
    path = tmp_path_factory.mktemp("gpt2")
    tokenizer = Vocabulary(None, "bytes", 400).make(packaged().sentences)
    end = tokenizer.pad
    config = GPT2Config(
        vocab_size=400, n_embd=32, n_layer=1, n_head=2, n_positions=32, bos_token_id=end, eos_token_id=end
    )
    torch.manual_seed(3)
    GPT2LMHeadModel(config).save_pretrained(path)
    tokenizer._backend.save(str(path / "tokenizer.json"))
    return path


def seen_by(tokenizer):
    """What a language model reads of an observation."""
    return SimpleNamespace(ids=torch.tensor([0]), task=SimpleNamespace(language=SimpleNamespace(tokenizer=tokenizer)))


@pytest.mark.parametrize("kind", ["bytes", "wordpiece"])
def test_a_sentence_scores_transformers_loss_of_its_words_whatever_stands_beside_it(folder, kind) -> None:
    """With the same tokeniser and with another one; in batches of two, padded. float32 there and here."""
    sentences = ["call me ishmael.", "it is a truth", "all", "it is a truth universally acknowledged"]
    theirs = Vocabulary(str(folder) if kind == "bytes" else None, kind, 400).make(packaged().sentences)
    own = Vocabulary(str(folder), "bytes", 300).make(())
    rows = [theirs.encode(sentence) for sentence in sentences]
    tokens = torch.tensor([[*row, *[-1] * (60 - len(row))] for row in rows])
    found = Causal(str(folder), 2).learn(seen_by(theirs))(tokens)
    network = GPT2LMHeadModel.from_pretrained(folder).eval()
    for score, row in zip(found.tolist(), rows):
        words = own.encode(theirs.decode(row)) if kind == "wordpiece" else row
        whole = torch.tensor([[own.pad, *words]])[:, :32]
        with torch.no_grad():
            assert score == pytest.approx(network(input_ids=whole, labels=whole).loss.item(), rel=1e-4)


def test_a_sentence_without_words_scores_as_nothing(folder) -> None:
    theirs = Vocabulary(None, "wordpiece", 400).make(packaged().sentences)
    tokens = torch.tensor([[-1, -1, -1], [theirs.pad, -1, -1]])
    assert Causal(str(folder), 4).learn(seen_by(theirs))(tokens).tolist() == [0.0, 0.0]


def test_no_hub_is_one_sentence_within_seconds_that_names_the_key(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    model = Causal("some-lab/no-such-model", 4)
    with pytest.raises(
        UserError, match=r"^attack\.language_model\.source='some-lab/no-such-model': no such folder"
    ) as e:
        model.check(seen_by(None))
    assert "model=minilm" not in str(e.value) and "\n" not in str(e.value)
    with pytest.raises(UserError, match=r"attack\.language_model\.source=.*cannot be read with head=causal"):
        Causal(str(tmp_path), 4).check(seen_by(None))
    with pytest.raises(ValueError, match="batch=0"):
        Causal("gpt2", 0)


def test_an_encoder_is_no_judge(minilm) -> None:
    """Its weights lack the output layer: left alone, transformers would draw one at random."""
    with pytest.raises(UserError, match=r"attack\.language_model\.source="):
        Causal(str(minilm), 4).check(seen_by(None))
