"""A small BERT: as many weights as the paper's layers have, and a line for what it is not."""

import pytest
import torch

from bench.datamodules.public_domain import packaged
from bench.models.text.bert import Bert
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary

WORDS = Vocabulary(None, "wordpiece", 300)
LAYERS, WIDTH, INNER, POSITIONS, CLASSES = 2, 8, 12, 16, 3


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return WORDS.make(packaged().sentences)


def bert(tokenizer: Tokenizer, head: str = "classification", **changed) -> Bert:
    given = {"layers": LAYERS, "width": WIDTH, "heads": 2, "feed_forward": INNER, "activation": "gelu"}
    given |= {"init_range": 0.02, "positions": POSITIONS, "shape": (10,), "classes": CLASSES, **changed}
    return Bert(WORDS, head, **given, tokenizer=tokenizer)


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


@pytest.mark.parametrize("head", ["classification", "masked"])
def test_it_has_the_weights_of_the_paper(tokenizer: Tokenizer, head: str) -> None:
    words = len(tokenizer)
    norm, square = 2 * WIDTH, linear(WIDTH, WIDTH)
    embeddings = (words + POSITIONS + 2) * WIDTH + norm  # two types of sentences
    layer = 4 * square + norm + linear(WIDTH, INNER) + linear(INNER, WIDTH) + norm
    # pooling and a classifier; or a transform, and the words' own embedding with a bias per word
    top = square + linear(WIDTH, CLASSES) if head == "classification" else square + norm + words
    assert sum(value.numel() for value in bert(tokenizer, head).parameters()) == embeddings + LAYERS * layer + top


def test_every_position_sees_every_other_and_nothing_is_random(tokenizer: Tokenizer) -> None:
    model = bert(tokenizer, "masked").train()
    tokens = torch.tensor([tokenizer.encode("the sea was calm")[:6]])
    mask = torch.ones_like(tokens, dtype=torch.bool)
    found = model(tokens, mask)
    assert torch.equal(found, model(tokens, mask)) and found.shape == (1, tokens.shape[1], len(tokenizer))
    changed = tokens.clone()
    changed[0, -1] = tokenizer.mask
    assert (model(changed, mask) != found).any(-1).all()


@pytest.mark.parametrize(
    ("head", "changed", "sentence"),
    [
        ("causal", {}, "BERT looks both ways; want classification or masked"),
        ("masked", {"init_range": 0.0}, r"init_range=0\.0: must be > 0"),
        ("masked", {"positions": 9}, "sentences of 10 tokens do not fit into 9 positions"),
    ],
)
def test_what_it_is_not_is_one_line(tokenizer: Tokenizer, head: str, changed: dict, sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        bert(tokenizer, head, **changed)
