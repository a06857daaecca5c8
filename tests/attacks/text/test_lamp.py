"""LAMP: what is fixed stays, an edit never raises what it is judged by, and victims do not hear of each other."""

import functools

import pytest
import torch

from bench.attacks.text.lamp_objective import KnownSentences
from bench.attacks.text.order_search import Edits, OrderSearch, Spent, Starts, permuted
from bench.config.compose import compose
from bench.engine.embeddings import Embedded
from bench.engine.solver_state import SolverState
from bench.errors import NotApplicable
from bench.leakage import select
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.objectives.layer_cosine import LayerCosine
from bench.running.components import build

QUICK = (
    "attack.iterations=5",
    "attack.starts=3",
    "attack.permutations=2",
    "attack.edits.tried=5",
    "attack.edits.every=2",
)


@pytest.fixture(scope="module")
def cell(shared_data):
    """The parties of a cell of CoLA sentences, from overrides."""

    @functools.cache
    def make(*overrides: str, threat: str = "surrogate"):
        cola = ["data=text_file", f"data.root={shared_data / 'text' / 'cola.tsv'}", "data.tokens=7", "logger=none"]
        numerics = [
            "model.layers=1",
            "model.vocabulary.size=1000",
            "engine.threads=1",
            "engine.compile=false",
            "engine.dtype=float64",
            "engine.chunk=4",
        ]
        return build(compose([*cola, *numerics, "attack=lamp", f"threat={threat}", *overrides]))

    return make


def claims(attack, seen: Observation, seed: int = 0) -> dict[int, Reconstruction]:
    """One claim a victim."""
    found = {}
    for piece in attack.reconstruct(seen, seed):
        for i, victim in enumerate(piece.ids.tolist()):
            found[victim] = (
                piece.inputs[i], piece.labels[i], piece.objective[i], piece.iterations[i], piece.evaluations[i],
                piece.status[i], piece.trace["moments"][i], piece.trace["tokens"][i],
            )  # fmt: skip
    return found


@pytest.mark.parametrize("layers", [1, 2])
def test_what_does_not_count_are_the_biases_of_the_keys(cell, layers: int) -> None:
    """Attention is blind to them; as the authors' code counts, each adds a distance of about 1, between 0 and 2."""
    built = cell(f"model.layers={layers}")
    distance = built.attack.objective
    assert distance.negligible == 1e-5
    seen, other = (built.client.share(built.data.deal(ids)) for ids in ([0, 1, 2], [3, 4, 5]))
    biases = [name for name in seen.gradients if name.endswith("key.bias")]
    assert len(biases) == layers
    others = {name: value for name, value in seen.gradients.items() if name not in biases}
    ours = distance(other.gradients, seen.gradients)
    torch.testing.assert_close(ours, LayerCosine(0.0)(other.gradients, others), rtol=1e-6, atol=0)
    count, published = len(seen.gradients), LayerCosine(0.0)(other.gradients, seen.gradients)
    added = published * count - ours * (count - layers)
    assert ((added > 0) & (added < 2 * layers)).all() and not torch.allclose(ours, published)


def parts(attack, seen: Observation):
    """The layout, the sentences and a loaded objective of an attack's own making."""
    width = seen.parameters[seen.task.language.embedding].shape[-1]
    layout = Embedded(seen.batch_size, seen.task.input_shape[0], width, seen.task.classes)
    sentences = KnownSentences.of(seen, "cosine", torch.float64)
    return layout, sentences, attack._objective(seen, layout, sentences)


def test_a_short_run_finds_most_of_a_sentence(cell) -> None:
    """Two victims of one sentence, 60 steps: most of their words, and what it all cost. Noise names one in 1,000."""
    parties = cell("attack.iterations=60", "attack.starts=10", "attack.permutations=5", "attack.edits.tried=8")
    victims = parties.data.deal(range(2))
    rouge = []
    for guess in parties.attack.reconstruct(parties.client.share(victims), 0):
        truth = select(victims, guess.ids)
        rouge.append(parties.scorer(guess, truth).values["rouge_1"])
        assert guess.status == [Status.BUDGET] * len(guess)
        moved = guess.evaluations - (60 + 1 + 10 + 5 + 8)  # one round, at step 50; a move is evaluated once more
        assert ((moved >= 0) & (moved <= 1)).all()
        special = torch.isin(truth.inputs, torch.tensor(sorted(parties.scorer._tokenizer.special))) & truth.mask
        assert torch.equal(guess.inputs >= 0, truth.mask)
        assert torch.equal(guess.inputs[special], truth.inputs[special])
        there = guess.trace["moments"] >= 0
        claimed = guess.trace["tokens"][there] >= 0
        assert torch.equal(claimed, truth.mask.unsqueeze(1).expand(-1, there.shape[1], -1, -1)[there])
    assert torch.cat(rouge).mean() > 0.5


@pytest.mark.parametrize("fluency", [0.0, 0.2])
def test_many_at_once_equal_one_by_one(cell, fluency: float) -> None:
    """Five steps and two rounds of edits in float64: paths differ by rounding, and no choice hangs on that."""
    parties = cell(*QUICK, "data.batch_size=2", f"attack.edits.fluency={fluency}")
    seen = parties.client.share(parties.data.deal(range(2)))
    together = claims(parties.attack, seen)
    for i in range(2):
        alone = claims(parties.attack, seen.take(torch.tensor([i])))[i]
        for one, other in zip(together[i], alone):
            if torch.is_tensor(one) and one.is_floating_point():
                torch.testing.assert_close(one, other, rtol=1e-7, atol=0)
            else:
                assert torch.equal(one, other) if torch.is_tensor(one) else one is other


def test_the_truth_is_not_in_reach(cell) -> None:
    """Overwriting the victims between share and reconstruct changes nothing, bit for bit."""
    parties = cell(*QUICK)
    found = []
    for erase in (False, True):
        victims = parties.data.deal([0, 1])
        seen = parties.client.share(victims)
        if erase:
            victims.inputs.fill_(7)
            victims.labels.fill_(0)
            victims.mask.fill_(True)
            victims.samples.fill_(0)
        found.append(claims(parties.attack, seen))
    for i in (0, 1):
        assert torch.equal(found[0][i][0], found[1][i][0]) and torch.equal(found[0][i][2], found[1][i][2])


def test_the_frame_has_no_slope_and_the_value_is_the_objective(cell) -> None:
    """The slope against differences of values: of the distance and the regulariser, and zero at fixed places."""
    parties = cell("data.batch_size=2")
    seen = parties.client.share(parties.data.deal(range(2)))
    layout, sentences, objective = parts(parties.attack, seen)
    objective.load(torch.arange(2))
    z = torch.stack([sentences.start(i, layout.label_logits, 0, "test") for i in range(2)])
    embeddings, _ = layout.split(z)
    assert torch.equal(
        sentences.tokens(embeddings, torch.arange(2))[sentences.frame >= 0], sentences.frame[sentences.frame >= 0]
    )
    assert not embeddings[~sentences.mask].any()
    lengths = embeddings.norm(dim=-1)
    for one, free, target in zip(lengths, sentences.free, sentences.length):
        torch.testing.assert_close(one[free], target.expand(int(free.sum())))
    values, g = objective(1.1 * z)
    torch.testing.assert_close(objective.value(1.1 * z), values)
    slope, _ = layout.split(g)
    assert not slope[~sentences.free].any() and slope[sentences.free].abs().min() > 0
    d = torch.randn(z.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    d[:, : layout.inputs] = d[:, : layout.inputs].masked_fill(
        ~sentences.free.unsqueeze(-1).expand(-1, -1, -1, layout.width).flatten(1), 0
    )
    step = 1e-6
    expected = (objective.value(1.1 * z + step * d) - objective.value(1.1 * z - step * d)) / (2 * step)
    torch.testing.assert_close((g * d).sum(1), expected, rtol=1e-5, atol=1e-8)


def test_the_start_is_the_best_of_all_candidates(cell) -> None:
    """More candidates are never worse, and each costs an evaluation."""
    parties = cell("data.batch_size=2")
    seen = parties.client.share(parties.data.deal(range(3)))
    _, _, objective = parts(parties.attack, seen)
    lowest = []
    for starts, permutations in ((1, 0), (5, 0), (5, 6)):
        spent = Spent.nothing(3)
        x = Starts(objective, 0, starts, permutations, spent)(torch.arange(3))
        assert spent.evaluations.tolist() == [starts + permutations] * 3 and (spent.seconds > 0).all()
        lowest.append(objective.value(x))
    assert (lowest[1] <= lowest[0]).all() and (lowest[2] <= lowest[1]).all()
    assert (lowest[2] < lowest[0]).any()


@pytest.mark.parametrize("fluency", [0.0, 0.2])
def test_an_edit_never_raises_what_it_is_judged_by_and_only_reorders(cell, fluency: float) -> None:
    """The criterion computed anew before and after a round, on true sentences of which one stands backwards."""
    parties = cell("data.batch_size=2")
    victims = parties.data.deal(range(3))
    seen = parties.client.share(victims)
    layout, sentences, objective = parts(parties.attack, seen)
    shape = (layout.batch_size, layout.length, layout.width)
    points = torch.stack([table[row] for table, row in zip(sentences.table, victims.inputs)])
    logits = 9 * torch.nn.functional.one_hot(victims.labels, seen.task.classes).double()
    x = torch.cat([points.flatten(1), logits.flatten(1)], 1)
    reverse = torch.stack([torch.arange(layout.length)] * 3)
    for row, free in zip(reverse, sentences.free[:, 0]):
        row[free] = row[free].flip(0)
    x = permuted(x, reverse, 0, shape)
    disfluency = parties.attack.language_model.learn(seen)
    spent = Spent.nothing(3)
    search = OrderSearch(Edits(40, 2, 0.0, fluency), objective, disfluency, 10, 0, spent)
    minimiser = parties.attack.minimiser
    work = SolverState(minimiser.direction, minimiser.step, minimiser.stop, None, objective, minimiser.keeping)
    work.begin(range(3), lambda victims: x[victims])
    work.advance()
    work.state.iterations += 4  # as if it had come so far
    search(work)
    after, moved = work.state.x, search.moved > 0

    def judged(z: torch.Tensor) -> torch.Tensor:
        tokens = sentences.tokens(layout.split(z)[0], torch.arange(3))
        return objective.value(z) + fluency * disfluency(tokens.flatten(0, 1)).view(3, 2).mean(1)

    assert (judged(after) <= judged(x) + 1e-12).all() and (judged(after) < judged(x))[moved].all()
    assert moved.any() and torch.equal(work.state.fresh, moved)
    assert search.tried.tolist() == [2] * 3 and spent.evaluations.tolist() == [80] * 3
    before, now = layout.split(x)[0], layout.split(after)[0]
    assert torch.equal(now[~sentences.free], before[~sentences.free])
    assert torch.equal(layout.split(after)[1], layout.split(x)[1])
    # each sentence holds the same embeddings as before
    assert torch.equal(now.sort(2).values, before.sort(2).values)


def test_known_labels_are_taken_and_unknown_ones_are_found(cell) -> None:
    parties = cell(*QUICK, "threat.labels=true")
    seen = parties.client.share(parties.data.deal(range(2)))
    for i, claim in claims(parties.attack, seen).items():
        assert torch.equal(claim[1], seen.labels[i])


def test_without_lengths_every_place_is_claimed(cell) -> None:
    parties = cell(*QUICK, "threat.lengths=false")
    seen = parties.client.share(parties.data.deal([0]))
    (claim,) = claims(parties.attack, seen).values()
    assert seen.mask is None and (claim[0] >= 0).all()


def test_what_it_cannot_serve_is_one_sentence(cell) -> None:
    with pytest.raises(NotApplicable, match=r"LAMP needs other sentences.*threat=surrogate"):
        cell(threat="embedding_frozen")
    with pytest.raises(NotApplicable, match=r"LAMP needs a model that classifies.*masked"):
        cell("model.head=masked")
    for wrong in ("tried=0", "burn_in=2", "fluency=-1"):
        name, value = wrong.split("=")
        arguments = {"tried": 5, "every": 5, "burn_in": 0.1, "fluency": 0.2, name: float(value)}
        with pytest.raises(ValueError, match=name):
            Edits(**arguments)
