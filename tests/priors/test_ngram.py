"""Kneser-Ney against its definition written with dictionaries, and on real sentences."""

import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.config.compose import compose
from bench.errors import UserError
from bench.priors.ngram import KneserNey, Ngram
from bench.running.components import build

CPU = torch.device("cpu")
SIZE = 5
CORPORA = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=6), max_size=8)


class ByHand:
    """The recursion of Chen and Goodman over dictionaries of tuples."""

    def __init__(self, sentences, size, order, discount):
        self.size, self.order, self.discount = size, order, discount
        top = Counter()
        for sentence in sentences:
            whole = [size] * (order - 1) + list(sentence) + [size]
            top.update(tuple(whole[i : i + order]) for i in range(len(whole) - order + 1))
        self.counts = {order: top}
        for k in range(order - 1, 0, -1):
            before = defaultdict(set)
            for gram in self.counts[k + 1]:
                before[gram[1:]].add(gram[0])
            self.counts[k] = {gram: len(kinds) for gram, kinds in before.items()}

    def probability(self, word, context):
        k = len(context) + 1
        lower = self.probability(word, context[1:]) if context else 1 / (self.size + 1)
        following = {gram[-1]: count for gram, count in self.counts[k].items() if gram[:-1] == context}
        if not following:
            return lower
        own = max(following.get(word, 0) - self.discount, 0)
        return (own + self.discount * len(following) * lower) / sum(following.values())


@settings(max_examples=60, deadline=None)
@given(CORPORA, st.integers(1, 4), st.sampled_from([0.3, 0.75, 1.0]), st.data())
def test_probabilities_are_the_definitions_and_sum_to_one_after_any_context(sentences, order, discount, data) -> None:
    model, slow = KneserNey(sentences, SIZE, order, discount, CPU), ByHand(sentences, SIZE, order, discount)
    contexts = data.draw(st.lists(st.lists(st.integers(0, SIZE), min_size=order - 1, max_size=order - 1), min_size=1))
    windows = torch.tensor([[[*context, word] for word in range(SIZE + 1)] for context in contexts])
    found = model.probability(windows)
    assert found.sum(1).tolist() == pytest.approx([1.0] * len(contexts), rel=1e-12)
    assert (found > 0).all()
    for row, context in zip(found.tolist(), contexts):
        assert row == pytest.approx([slow.probability(word, tuple(context)) for word in range(SIZE + 1)], rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(CORPORA, CORPORA.filter(bool))
def test_a_sentence_scores_the_mean_over_its_tokens_and_its_end_whatever_stands_beside_it(corpus, sentences) -> None:
    model, slow = KneserNey(corpus, SIZE, 3, 0.75, CPU), ByHand(corpus, SIZE, 3, 0.75)
    longest = max(map(len, sentences)) + 1
    tokens = torch.tensor([[*s, *[-1] * (longest - len(s))] for s in sentences])
    for found, sentence in zip(model.log_perplexity(tokens).tolist(), sentences):
        whole = [SIZE, SIZE, *sentence, SIZE]
        logs = [math.log(slow.probability(whole[i], tuple(whole[i - 2 : i]))) for i in range(2, len(whole))]
        assert found == pytest.approx(-sum(logs) / len(logs), rel=1e-10)


def test_a_tiny_corpus_by_hand() -> None:
    """Bigrams of "0 1" and "0 2", discount 1/2, boundary 3: after 0 two kinds, each seen once, of two in all.

    Below: five kinds of pairs (3 0), (0 1), (0 2), (1 3), (2 3), so 0, 1 and 2 follow one token each and 3 follows two;
    P1(1) = (1 - 1/2 + 1/2 * 4 * 1/4) / 5 = 1/5 and P(1 | 0) = (1 - 1/2 + 1/2 * 2 * 1/5) / 2 = 7/20.
    """
    model = KneserNey([[0, 1], [0, 2]], 3, 2, 0.5, CPU)
    found = model.probability(torch.tensor([[0, 1], [0, 0], [3, 0]]))
    assert found.tolist() == pytest.approx([7 / 20, 1 / 10, (2 - 0.5 + 0.5 * 1 / 5) / 2])


def test_nothing_learnt_is_a_uniform_guess() -> None:
    model = KneserNey([], SIZE, 3, 0.75, CPU)
    assert model.log_perplexity(torch.tensor([[0, 4, -1]])).item() == pytest.approx(math.log(SIZE + 1))


def test_what_is_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match="order=0"):
        Ngram(0, 0.75)
    with pytest.raises(ValueError, match="discount=0"):
        Ngram(3, 0.0)
    with pytest.raises(UserError, match=r"order=5: .*30,522"):
        KneserNey([[1]], 30_522, 5, 0.75, CPU)


def test_real_sentences_are_likelier_than_the_same_words_shuffled(shared_data) -> None:
    """CoLA: learned from the sentences that are held back, asked about the others; special tokens are no part of it."""
    cola = ["data=text_file", f"data.root={shared_data / 'text' / 'cola.tsv'}", "data.tokens=12"]
    parties = build(compose([*cola, "attack=lamp", "threat=surrogate", "logger=none"]))
    victims = parties.data.deal(range(60))
    seen = parties.client.share(parties.data.deal([0]))
    disfluency = Ngram(3, 0.75).learn(seen)
    tokens = victims.inputs[:, 0].masked_fill(~victims.mask[:, 0], -1)
    special = torch.tensor(sorted(seen.task.language.tokenizer.special))
    free = ~torch.isin(tokens, special) & (tokens >= 0)
    generator = torch.Generator().manual_seed(0)
    shuffled = tokens.clone()
    for row, places in zip(shuffled, free):
        words = row[places]
        row[places] = words[torch.randperm(len(words), generator=generator)]
    real, mixed = disfluency(tokens), disfluency(shuffled)
    assert (real < mixed).double().mean() > 0.7
    assert real.mean() < mixed.mean()
    bare = tokens.masked_fill(~free, -1)
    torch.testing.assert_close(disfluency(bare), real)
