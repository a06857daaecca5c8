"""Sentences come back from gradients; what is claimed where is checked for every head and every grant."""

from dataclasses import replace

import pytest
import torch
from attacks.test_gradient_matching import joined, run
from references import embeddings
from sentence_cells import parties

from bench.errors import NotApplicable

SHORT = "attack.iterations=2"
NARROW = "threat=embedding_frozen"
LANGUAGE = {"causal": "gpt2_tiny", "masked": "bert_tiny"}


def shared(*overrides: str, victims: int = 2):
    """`(parties, victims, observation)`."""
    built = parties(*overrides)
    dealt = built.data.deal(range(victims))
    return built, dealt, built.client.share(dealt)


def in_double(seen):
    parts = ("gradients", "parameters", "buffers")
    changed = {
        part: {n: v.double() if v.is_floating_point() else v for n, v in getattr(seen, part).items()} for part in parts
    }
    return replace(seen, **changed)


@pytest.mark.slow
def test_sentences_and_labels_come_back_word_for_word(shared_data) -> None:
    """The preset as it is, on real sentences; without the embedding's gradient: no word is read off its rows."""
    cola = ["data=text_file", f"data.root={shared_data / 'text' / 'cola.tsv'}", "data.tokens=12"]
    network = ["model.layers=2", "model.width=64", "model.feed_forward=256", "model.vocabulary.size=4000"]
    built, victims, seen = shared(NARROW, *cola, *network)
    claim = run(built.attack, seen)
    assert torch.equal(claim.inputs, victims.inputs.masked_fill(~victims.mask, -1))
    assert torch.equal(claim.labels, victims.labels)
    assert (claim.objective < 1e-3).all()


OPTIMISERS = {
    "dlg_text": (
        embeddings.relative,
        lambda z: torch.optim.LBFGS(z, max_iter=1, max_eval=26, history_size=100, line_search_fn="strong_wolfe"),
    ),
    "tag": (embeddings.tag, lambda z: torch.optim.Adam(z, lr=0.1)),
    "dlg_text_adam": (embeddings.squared, lambda z: torch.optim.Adam(z, lr=0.1)),
}


def framed_places(seen, victim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of a wordpiece model: which places hold `[CLS]`, `[SEP]` and padding, and the embeddings of the two tokens."""
    mask, name = seen.mask[victim], seen.task.language.embedding
    table = seen.parameters[name][victim]
    fixed, expected = ~mask, torch.zeros(*mask.shape, table.shape[1]).to(table)
    start, end = seen.task.language.tokenizer.encode("")
    for b, length in enumerate(mask.sum(1).tolist()):
        for place, token in ((0, start), (length - 1, end)):
            fixed[b, place], expected[b, place] = True, table[token]
    return fixed, expected


@pytest.mark.parametrize("name", OPTIMISERS)
def test_it_goes_the_way_of_torchs_own_optimiser(name: str) -> None:
    """Float64, a real module, plain autograd, four steps from the same start: the same objective."""
    distance, optimiser = OPTIMISERS[name]
    steps = ["attack.iterations=4"] if name == "dlg_text" else ["attack.evaluations=5"]
    built, _, seen = shared(NARROW, f"attack={name}", "engine.dtype=float64", *steps, victims=2)
    seen = in_double(seen)
    claim = run(built.attack, seen)
    for i in range(2):
        value = embeddings.objective(seen, i, built.client.model.double(), distance)
        start = built.attack.start_of(seen, 0, i)
        fixed = None
        if name != "dlg_text":
            places, expected = framed_places(seen, i)
            words = start[: expected.numel()].view_as(expected)
            assert torch.equal(words[places & seen.mask[i]], expected[places & seen.mask[i]])
            fixed = torch.zeros_like(start, dtype=torch.bool)
            fixed[: expected.numel()] = places.unsqueeze(-1).expand_as(expected).flatten()
        lowest = embeddings.minimise(value, start, optimiser, 4, fixed)
        assert claim.objective[i].item() == pytest.approx(lowest, rel=1e-8)
        assert lowest < value(start).item()


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2])
def test_lengths_that_are_hidden_are_inferred(batch_size: int) -> None:
    """For one sentence the claim is that with the length granted; of several, all are taken for the longest."""
    settings = (NARROW, SHORT, f"data.batch_size={batch_size}")
    told, hidden = shared(*settings), shared(*settings, "threat.lengths=false")
    assert hidden[2].mask is None
    claim = run(hidden[0].attack, hidden[2])
    longest = told[1].mask.any(1, keepdim=True).expand_as(told[1].mask)
    assert torch.equal(claim.inputs >= 0, longest)
    if batch_size == 1:
        assert torch.equal(claim.inputs, run(told[0].attack, told[2]).inputs)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["classification", *LANGUAGE])
def test_what_is_claimed_where(head: str) -> None:
    """Padding: nothing. Frame: as for every sentence. Elsewhere: tokens that can be part of one. At all moments."""
    built, victims, seen = shared(
        NARROW,
        "attack.iterations=11",
        f"model={LANGUAGE.get(head, 'bert_tiny')}",
        f"model.head={head}",
        "data.hidden=0",
        "data.batch_size=2",
        "engine.chunk=2",
        victims=2,
    )
    pieces = list(built.attack.reconstruct(seen, 0))
    claim = joined(pieces, seen)
    tokenizer = seen.task.language.tokenizer
    bare = tokenizer.encode("")
    assert torch.equal(claim.inputs >= 0, victims.mask)
    words = torch.tensor(tokenizer.allowed())
    for v in range(2):
        for b in range(2):
            sentence = claim.inputs[v, b][victims.mask[v, b]].tolist()
            if bare:
                assert [sentence[0], sentence[-1]] == bare
                sentence = sentence[1:-1]
            assert words[sentence].all()
    assert (claim.labels == -1).all() == (head != "classification")
    for piece in pieces:
        moments, tokens = piece.trace["moments"], piece.trace["tokens"]
        assert tokens.shape == (*moments.shape, *piece.inputs.shape[1:]) and tokens.dtype == torch.int64
        assert torch.equal((tokens >= 0).any(-1).any(-1), moments >= 0)
        assert (moments[:, :2] == torch.tensor([0, 10])).all() and (moments[:, 2:] == -1).all()


@pytest.mark.slow
@pytest.mark.parametrize("head", LANGUAGE)
def test_language_models_give_their_sentences_away(head: str) -> None:
    """The targets are the words themselves: their logits are optimised with the embeddings. A causal model's last token
    is no input to a prediction, so only its logits can name it."""
    built, victims, seen = shared(
        f"model={LANGUAGE[head]}", f"model.head={head}", "data.hidden=0", "model.width=32", "attack.iterations=400",
        f"model.layers={2 if head == 'causal' else 1}", NARROW, victims=3,
    )  # fmt: skip
    claim = run(built.attack, seen)
    right = ((claim.inputs == victims.inputs) & victims.mask).sum() / victims.mask.sum()
    assert right > 0.9
    if head == "causal":
        start = built.attack.start_of(seen, 0, 0)
        assert len(start) == 10 * 32 + 10 * seen.task.classes


@pytest.mark.slow
def test_hidden_words_have_to_be_granted_and_are_then_claimed() -> None:
    masked = ("model.head=masked", "data.hidden=0.3", SHORT)
    with pytest.raises(NotApplicable, match="cannot know which tokens a masked language model has hidden"):
        parties(*masked)
    built, victims, seen = shared(*masked, "threat=labels_known")
    claim = run(built.attack, seen)
    hidden = victims.labels >= 0
    assert hidden.any() and not torch.equal(victims.sentences, victims.inputs)
    assert torch.equal(claim.inputs[hidden], victims.sentences[hidden])
    assert len(built.attack.start_of(seen, 0, 0)) == 10 * 16  # no logits


@pytest.mark.slow
def test_labels_granted_or_inferred_are_not_optimised() -> None:
    infer = "attack.labels={_target_: bench.labels.last_layer.LastLayer}"
    for overrides in (("threat=labels_known",), (infer,)):
        built, victims, seen = shared(SHORT, *overrides)
        assert len(built.attack.start_of(seen, 0, 0)) == 10 * 16
        assert torch.equal(run(built.attack, seen).labels, victims.labels)
    with pytest.raises(NotApplicable, match="infers labels of classifiers only"):
        parties("model.head=masked", "data.hidden=0", infer)


@pytest.mark.slow
def test_one_model_for_all_and_one_for_each_are_decoded_alike() -> None:
    """A shared table is looked up once, not copied for each victim."""
    built, _, seen = shared(NARROW, SHORT, "model.per_victim=false", "engine.dtype=float64")
    assert seen.parameters[seen.task.language.embedding].stride(0) == 0
    copied = replace(seen, parameters={name: value.clone() for name, value in seen.parameters.items()})
    assert torch.equal(run(built.attack, seen).inputs, run(built.attack, copied).inputs)


@pytest.mark.slow
def test_the_best_of_two_restarts_is_the_better_of_two_runs() -> None:
    settings = (NARROW, "attack.iterations=4", "attack.deviation=0.5")
    both = shared(*settings, "attack.restarts=2", victims=2)
    single = parties(*settings).attack
    first = single.start_of
    objectives = []
    for restart in range(2):
        single.start_of = lambda s, seed, victim, _=0, restart=restart: first(s, seed, victim, restart)
        objectives.append(run(single, both[2]).objective)
    claim = run(both[0].attack, both[2])
    torch.testing.assert_close(
        claim.objective, torch.stack(objectives).amin(0), rtol=1e-3, atol=0
    )  # float32, four steps


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("attack.deviation=-1",), "deviation=-1"),
        (("attack.nearest=l1",), "nearest='l1'"),
        (("attack.restarts=0",), "restarts=0"),
        (("threat=eavesdropper",), "batch size"),
        (("attack=dlg",), "reconstructs images"),
    ],
)
def test_refusals(overrides: tuple[str, ...], says: str) -> None:
    with pytest.raises(Exception, match=says):
        parties(*overrides)
