"""A client's step for many victims: mapped if it can be, one by one if not, and what fails is named."""

import time
from dataclasses import dataclass, replace

import pytest
import torch
from defenses.trees import local

from bench.defenses import step_runner
from bench.defenses.base import Defense, GradientDefense, PlainGradient
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.noise import Gaussian
from bench.defenses.stack import Stack
from bench.defenses.step_runner import StepRunner
from bench.engine.rng import VictimRng
from bench.errors import UserError
from bench.messages.victims import Victims


@dataclass(frozen=True)
class Branching(GradientDefense):
    """A decision on the data in Python, which vmap cannot map."""

    def protect(self, gradients, draws, state):
        return {name: -v if v.sum() > 0 else 2 * v for name, v in gradients.items()}, state


@dataclass(frozen=True)
class Rolling(GradientDefense):
    """Random numbers of no victim."""

    def protect(self, gradients, draws, state):
        return {name: value + torch.randn_like(value) for name, value in gradients.items()}, state


def with_defense(client, defense: Defense) -> None:
    client.defense = defense
    client.runner = StepRunner(defense, client._gradient, client.runner.context, client.seed)


def test_a_defence_that_cannot_be_mapped_is_done_one_by_one_and_says_so(parties) -> None:
    built = parties("attack=noise")
    plain = built.client.share(built.data.deal([0, 1, 2])).gradients
    with_defense(built.client, Branching())
    seen = built.client.share(built.data.deal([0, 1, 2])).gradients
    for name, value in plain.items():
        for v in range(3):
            torch.testing.assert_close(seen[name][v], -value[v] if value[v].sum() > 0 else 2 * value[v])
    facts = built.client.facts_of_defense(built.data.deal([0]))
    assert len(facts["notes"]) == 1 and "one by one" in facts["notes"][0]


def test_what_cannot_be_mapped_is_not_mapped_over_samples_either(parties) -> None:
    built = parties("attack=noise", "data.batch_size=2")
    with_defense(built.client, Stack([Branching(), DPSGD(1e9, 0.0, 1e-5, 0)]))
    seen = built.client.share(built.data.deal([0]))
    assert len(built.client.runner.notes) == 1 and all(torch.isfinite(value).all() for value in seen.gradients.values())


@dataclass(frozen=True)
class Faulty(GradientDefense):
    """Fails by itself, with a word that vmap's complaints about random numbers hold too."""

    def protect(self, gradients, draws, state):
        return {name: value @ torch.ones(7, 7) if "bias" in name else value for name, value in gradients.items()}, state


@dataclass(frozen=True)
class Unlucky(GradientDefense):
    """Fails on the data of some victim, which vmap cannot look at."""

    def protect(self, gradients, draws, state):
        if float(next(iter(gradients.values())).sum()) != 0:
            raise RuntimeError("a random matrix is singular")
        return gradients, state


@pytest.mark.parametrize(
    ("defense", "words"),
    [(Faulty(), "mat1 and mat2|size mismatch|shapes cannot be multiplied"), (Unlucky(), "a random matrix is singular")],
)
def test_a_defence_that_fails_is_named_and_not_taken_for_one_that_cannot_be_mapped(parties, defense, words) -> None:
    built = parties("attack=noise")
    with_defense(built.client, defense)
    with pytest.raises(UserError, match=f"defense {type(defense).__name__} fails on a victim's batch: .*({words})"):
        built.client.share(built.data.deal([0, 1]))
    assert built.client.runner.notes == [] and built.client.runner.mappable


def test_the_step_that_failed_is_the_one_that_is_done_again(parties) -> None:
    """An undefended step that cannot be mapped stays undefended: it is what a defence's cost is compared with."""
    built = parties("attack=noise", "defense=gaussian", "defense.std=1.0")
    client, victims = built.client, built.data.deal([0, 1])
    gradient, calls = client._gradient, []

    def refused_once(*arguments):
        calls.append(0)
        if len(calls) == 1:
            raise RuntimeError("vmap: no rule for this")
        return gradient(*arguments)

    parameters, buffers = client._weights(victims.ids, torch.device("cpu"))
    plain = client.runner(PlainGradient(gradient), parameters, buffers, victims)
    again = client.runner(PlainGradient(refused_once), parameters, buffers, victims)
    for name, value in plain.items():
        torch.testing.assert_close(again[name], value, rtol=1e-4, atol=1e-6)
    assert len(client.runner.notes) == 1 and client.runner.notes[0].startswith("the model cannot be mapped")


def test_blocks_behind_the_one_that_could_not_be_mapped_are_not_mapped_either(parties, monkeypatch) -> None:
    monkeypatch.setattr(step_runner, "_VICTIMS_AT_ONCE", 2)
    built = parties("attack=noise", "data.batch_size=2")
    with_defense(built.client, Stack([Branching(), DPSGD(1e9, 0.0, 1e-5, 0)]))
    seen = built.client.share(built.data.deal(range(4)))
    assert len(built.client.runner.notes) == 1 and all(torch.isfinite(value).all() for value in seen.gradients.values())


def test_a_defence_with_random_numbers_of_its_own_is_refused(parties) -> None:
    built = parties("attack=noise")
    with_defense(built.client, Rolling())
    with pytest.raises(UserError, match="draw them in `draw`"):
        built.client.share(built.data.deal([0]))


def test_more_victims_than_are_done_at_once_are_the_same_victims(parties, monkeypatch) -> None:
    built = parties("attack=noise", "defense=gaussian", "data.batch_size=2")
    pieces = built.client.share(built.data.deal(range(5))).gradients
    monkeypatch.setattr(step_runner, "_VICTIMS_AT_ONCE_CPU", 5)
    whole = built.client.share(built.data.deal(range(5))).gradients
    for name, value in whole.items():
        torch.testing.assert_close(pieces[name], value, rtol=1e-4, atol=1e-6)


def victims(count: int) -> Victims:
    images = torch.rand(count, 2, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    numbers = torch.arange(count)
    labels = torch.zeros(count, 2, dtype=torch.int64)
    return Victims(images, labels, 5 + numbers, labels, numbers)


def mean_image(parameters, buffers, inputs, labels):
    """A gradient that is the mean of the batch, times a weight of the victim's own."""
    return {"w": parameters["w"] * inputs.mean((0, 1))}


def test_each_victims_noise_is_drawn_from_its_own_number() -> None:
    """Whoever is beside it: what is shared less the plain gradient is the noise of (seed, "defense", victim)."""
    several = victims(3)
    parameters = {"w": torch.arange(3.0).view(3, 1, 1).expand(3, 2, 2)}
    runner = StepRunner(Gaussian(0.1, None, 0), mean_image, local(batch_size=2), seed=7)
    shared = runner(runner.step, parameters, {}, several)["w"]
    plain = runner(PlainGradient(mean_image), parameters, {}, several)["w"]
    torch.testing.assert_close(plain, parameters["w"] * several.inputs.mean((1, 2)))
    for row, victim in enumerate(several.ids.tolist()):
        drawn = VictimRng((7, "defense", victim)).child(0, 0).normal({"w": (2, 2)})["w"]
        torch.testing.assert_close(shared[row] - plain[row], 0.1 * drawn)


def test_the_time_of_a_step_is_the_median_of_its_later_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run, which warms up, is left out; unless it takes long, when one run has to do."""
    clock = iter([0.0, 0.4, 1.0, 1.1, 2.0, 2.3, 3.0, 3.2])
    runner = StepRunner(Gaussian(0.1, None, 0), mean_image, local(batch_size=2), seed=0)
    given = (PlainGradient(mean_image), {"w": torch.ones(1, 2, 2)}, {}, victims(1))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert runner.seconds(*given) == pytest.approx(0.2)
    clock = iter([0.0, 60.0])
    assert runner.seconds(*given) == 60.0


@dataclass(frozen=True)
class Full(GradientDefense):
    """A defence that does not fit into memory at its first call."""

    calls: list

    def protect(self, gradients, noise, state):
        self.calls.append(0)
        if len(self.calls) == 1:
            raise torch.OutOfMemoryError("no room")
        return gradients, state


@pytest.mark.parametrize("mappable", [True, False])
def test_a_lack_of_memory_is_no_fault_of_the_defence(mappable: bool) -> None:
    """It is for the caller to take fewer victims; the same step is not tried one by one instead."""
    runner = StepRunner(Full([]), mean_image, replace(local(batch_size=2), mappable=mappable), seed=0)
    with pytest.raises(torch.OutOfMemoryError):
        runner(runner.step, {"w": torch.ones(1, 2, 2)}, {}, victims(1))
    assert runner.notes == [] and runner.mappable == mappable
