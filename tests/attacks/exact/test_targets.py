"""Targets from a gradient that is linear in them, and which targets a sentence leaves open."""

from types import SimpleNamespace

import pytest
import torch

from bench.attacks.exact.targets import TargetSearch, targets_of


def test_targets_are_found_among_gradients_that_are_nearly_the_same() -> None:
    """Linear in the targets, by hand: five predictions of three classes, whose gradients differ by a hundredth."""
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(1, 3, 40, generator=generator, dtype=torch.float64)
    columns = columns + 0.01 * torch.randn(5, 3, 40, generator=generator, dtype=torch.float64)

    def gradient(targets):
        return {"weight": (targets[..., None] * columns).sum((0, 1))}

    wanted = torch.nn.functional.one_hot(torch.tensor([0, 2, 1, 1, 2]), 3).double()
    search = TargetSearch(gradient, gradient(wanted), 1.0, 1e-12, 32)
    targets, left = search(torch.zeros_like(wanted), torch.tensor([True, True, False, True, True]))
    assert left > 1e-3 and (targets[2] == 0).all()  # a place that is not open stays as it is
    targets, left = search(torch.zeros_like(wanted), torch.ones(5, dtype=torch.bool))
    assert torch.equal(targets, wanted) and left < 1e-20


def test_without_a_unit_gradients_are_compared_at_length_one() -> None:
    """A shared update of any length leads to the same targets."""
    columns = torch.randn(2, 4, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def gradient(targets):
        return {"weight": (targets[..., None] * columns).sum((0, 1))}

    wanted = torch.nn.functional.one_hot(torch.tensor([3, 1]), 4).double()
    for factor in (1e-3, 1.0, 50.0):
        search = TargetSearch(gradient, {"weight": factor * gradient(wanted)["weight"]}, None, 1e-12, 32)
        targets, left = search(torch.zeros_like(wanted), torch.ones(2, dtype=torch.bool))
        assert torch.equal(targets, wanted) and left < 1e-20 and search.evaluations > 1


def test_nothing_open_costs_one_evaluation() -> None:
    search = TargetSearch(lambda targets: {"w": targets}, {"w": torch.tensor([[1.0, 0.0]])}, 1.0, 1e-12, 32)
    targets, left = search(torch.tensor([[0.0, 1.0]]), torch.tensor([False]))
    assert targets.tolist() == [[0.0, 1.0]] and left == pytest.approx(2.0) and search.evaluations == 1


PAD, START, END, HIDDEN = 0, 1, 2, 3
TOKENS = torch.tensor([[START, 5, HIDDEN, END], [START, 6, END, PAD]])
MASK = TOKENS != PAD


def language(head: str, hidden: float = 0.0):
    tokenizer = SimpleNamespace(mask=HIDDEN, special=frozenset({PAD, START, END, HIDDEN}))
    return SimpleNamespace(head=head, hidden=hidden, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("head", "hidden", "known", "still_open"),
    [
        ("causal", 0.0, [[-1, 5, 3, 2], [-1, 6, 2, -1]], [[0, 0, 0, 1], [0, 0, 1, 0]]),
        ("masked", 0.3, [[-1, -1, 3, -1], [-1] * 4], [[0, 0, 1, 0], [0] * 4]),
        ("masked", 0.0, [[-1, 5, -1, -1], [-1, 6, -1, -1]], [[0] * 4, [0] * 4]),
    ],
)
def test_what_sentences_say_of_their_targets(head: str, hidden: float, known: list, still_open: list) -> None:
    """`known` are the targets that a sentence has, -1 where nothing is predicted; open ones are overwritten later."""
    targets, found = targets_of(language(head, hidden), TOKENS, MASK, 8)
    said = torch.where(targets.sum(-1) > 0, targets.argmax(-1), -1)
    assert said.tolist() == known and found.int().tolist() == still_open


def test_a_classifiers_targets_are_all_open() -> None:
    targets, found = targets_of(language("classification"), TOKENS, MASK, 4)
    assert targets.shape == (2, 4) and not targets.any() and found.tolist() == [True, True]
