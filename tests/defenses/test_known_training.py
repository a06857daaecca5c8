"""What an attacker can compute of the client's training: the granted schedule, and never the client's own orders."""

import torch
from defenses.trees import local

from bench.defenses.base import Tree
from bench.defenses.clients import Clients
from bench.defenses.known_training import KnownTraining, known_training
from bench.defenses.label_smoothing import LabelSmoothing
from bench.defenses.local_epochs import LocalEpochs
from bench.defenses.local_steps import LocalSteps
from bench.defenses.noise import Gaussian
from bench.defenses.randomised_response import RandomisedResponse
from bench.defenses.stack import Stack

X, Y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([1.0, 2.0, 3.0, 4.0])
W = {"w": torch.ones(3)}


def gradient(parameters: Tree, buffers: Tree, inputs: torch.Tensor, targets: torch.Tensor) -> Tree:
    error = inputs @ parameters["w"] - targets
    return {"w": (error.unsqueeze(1) * inputs).mean(0)}


def known(parts: list, granted: bool = True, defense_known: bool = False) -> KnownTraining:
    return known_training(Stack(parts), local(), gradient, ["w"], granted, defense_known)


def test_without_the_grant_it_is_one_gradient_of_the_batch() -> None:
    found = known([LocalEpochs(3, 0.1, 2, 0, 0.0)], granted=False)
    assert torch.equal(found.gradient(W, {}, X, Y)["w"], gradient(W, {}, X, Y)["w"])
    assert found.epochs is None and found.by_epoch is None


def test_the_attackers_order_is_that_of_its_own_batch_whatever_the_clients_seed() -> None:
    one, other = (known([LocalEpochs(3, 0.1, 2, seed, 0.0), Gaussian(1.0, None, 0)]) for seed in (0, 1))
    steps = known([LocalSteps(6, 0.1, 2, 0.0)])
    own = one.gradient(W, {}, X, Y)["w"]
    assert torch.equal(own, other.gradient(W, {}, X, Y)["w"])
    assert torch.equal(own, steps.gradient(W, {}, X, Y)["w"])
    assert one.epochs == 3 and steps.epochs is None and steps.by_epoch is None


def test_equal_inputs_in_all_epochs_give_the_update_of_the_batch_and_others_do_not() -> None:
    """With several clients too, each of which has its part of the batch."""
    for more in ([], [Clients(2, True)]):
        found = known([LocalEpochs(2, 0.1, 1, 0, 0.0), *more])
        assert found.by_epoch is not None
        twice = X.unsqueeze(1).expand(4, 2, 3).clone()
        own = found.gradient(W, {}, X, Y)["w"]
        torch.testing.assert_close(found.by_epoch(W, {}, twice, Y)["w"], own)
        twice[:, 1] = twice[:, 1].flip(1)
        assert (found.by_epoch(W, {}, twice, Y)["w"] - own).abs().max() > 1e-2


def test_local_epochs_within_local_epochs_have_no_inputs_of_their_own() -> None:
    found = known([LocalEpochs(2, 0.1, 1, 0, 0.0), LocalEpochs(2, 0.1, 2, 0, 0.0)])
    assert found.epochs is None and found.by_epoch is None
    assert torch.isfinite(found.gradient(W, {}, X, Y)["w"]).all()


def test_what_anybody_can_compute_is_part_of_it_if_the_defence_is_granted() -> None:
    """Smoothed labels of 1 to 4 as probabilities; the schedule is granted by itself, and noise is never computed."""
    soft = torch.eye(4)

    def sums(parameters: Tree, buffers: Tree, inputs: torch.Tensor, targets: torch.Tensor) -> Tree:
        return {"w": parameters["w"] * (targets.square().sum(1) @ inputs)}

    def of(parts: list, granted: bool, defense_known: bool) -> torch.Tensor:
        found = known_training(Stack(parts), local(), sums, ["w"], granted, defense_known)
        return found.gradient(W, {}, X, soft)["w"]

    parts = [LabelSmoothing(1.0), Gaussian(1.0, None, 0), LocalSteps(1, 0.5, None, 0.0), RandomisedResponse(0.0, 0)]
    smoothed, plain = 4 * 0.1**2 * X.sum(0), X.sum(0)  # one of ten classes each; there are four columns
    torch.testing.assert_close(of(parts, False, False), plain)
    torch.testing.assert_close(of(parts, False, True), smoothed)
    torch.testing.assert_close(of(parts, True, False), 0.5 * plain)
    torch.testing.assert_close(of(parts, True, True), 0.5 * smoothed)
