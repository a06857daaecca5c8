"""Deep Gradient Compression over several steps against a plain reference, entry by entry."""

import math
import re
from pathlib import Path

import pytest
import torch
from defenses.trees import protected, tree

from bench.config.compose import compose
from bench.defenses.dgc import DGC
from bench.running.components import build


def reference(steps: list[dict[str, torch.Tensor]], sparsity: float, momentum: float, clip: float | None, warmup: int):
    """Algorithms 1 and 4 of the paper with Python loops, in float64."""
    u = {name: [0.0] * value.numel() for name, value in steps[0].items()}
    v = {name: [0.0] * value.numel() for name, value in steps[0].items()}
    for t, step in enumerate(steps):
        now = sparsity
        if warmup:
            now = min(sparsity, 1 - 0.25 ** (t // warmup + 1))
        g = {name: [float(x) for x in value.flatten()] for name, value in step.items()}
        size = math.sqrt(sum(x * x for values in g.values() for x in values))
        if clip is not None and size > clip:
            g = {name: [x * clip / size for x in values] for name, values in g.items()}
        shared = {}
        for name, values in g.items():
            n = len(values)
            for i in range(n):
                u[name][i] = momentum * u[name][i] + values[i]
                v[name][i] += u[name][i]
            count = max(1, n - round(now * n))
            chosen = set(sorted(range(n), key=lambda i: -abs(v[name][i]))[:count])
            shared[name] = [v[name][i] if i in chosen else 0.0 for i in range(n)]
            for i in chosen:
                u[name][i] = v[name][i] = 0.0
        yield shared


@pytest.mark.parametrize(
    ("sparsity", "momentum", "clip", "warmup"),
    [(0.99, 0.9, None, 0), (0.9, 0.0, None, 0), (0.999, 0.9, 5.0, 0), (0.99, 0.5, 3.0, 2), (0.0, 0.9, None, 0)],
)
def test_against_the_reference_over_seven_steps(sparsity, momentum, clip, warmup):
    steps = [tree(seed) for seed in range(7)]
    defense, state = DGC(sparsity, momentum, clip, warmup), None
    for step, expected in zip(steps, reference(steps, sparsity, momentum, clip, warmup), strict=True):
        shared, state = protected(defense, step, state=state)
        for name, value in shared.items():
            torch.testing.assert_close(
                value.flatten().double(), torch.tensor(expected[name]).double(), rtol=1e-4, atol=1e-5
            )


def test_nothing_is_lost_without_momentum():
    steps, state, sent = [tree(seed) for seed in range(5)], None, None
    for step in steps:
        shared, state = protected(DGC(0.95, 0.0, None, 0), step, state=state)
        sent = shared if sent is None else {name: sent[name] + shared[name] for name in sent}
    for name in sent:
        total = sum(step[name] for step in steps)
        torch.testing.assert_close(sent[name] + state[1]["residual"][name], total, rtol=1e-4, atol=1e-4)


def test_at_its_first_step_a_client_sends_the_largest_of_its_gradient():
    shared, _ = protected(DGC(0.9, 0.9, None, 0), tree())
    weight = tree()["fc.weight"]
    kept = shared["fc.weight"] != 0
    assert kept.sum() == 54 and torch.equal(shared["fc.weight"][kept], weight[kept])
    assert weight[kept].abs().min() >= weight[~kept].abs().max()


def test_the_warm_up_goes_through_the_papers_sparsities():
    assert DGC(0.999, 0.9, None, 1).counts(100000) == [25000, 6250, 1562, 391, 100]
    assert DGC(0.999, 0.9, None, 0).counts(100000) == [100]


@pytest.mark.parametrize("wrong", [(1.0, 0.9, None, 0), (0.9, 1.0, None, 0), (0.9, 0.9, 0.0, 0), (0.9, 0.9, None, -1)])
def test_what_leaves_its_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"want|must be"):
        DGC(*wrong)


def test_the_numbers_that_the_docs_count_are_those_that_are_sent():
    """LeNet on MNIST's size, as the suite of defences runs it: entries that are not zero, and their plain encoding."""
    words = ["data=samples", "data.set=mnist", "attack=noise", "metric=mse", "logger=none", "data.victims=2"]
    built = build(compose([*words, "defense=dgc", "defense.sparsity=0.99", "defense.momentum=0.0"]))
    victims = built.data.deal(range(2))
    shared = built.client.share(victims).gradients
    counts = {name: (value != 0).flatten(1).sum(1) for name, value in shared.items()}
    page = (Path(__file__).parents[2] / "docs" / "defenses.md").read_text()
    stated = re.search(r"residuals \(`dgc`\): (\d+) numbers", page)
    assert stated and set(sum(counts.values()).tolist()) == {int(stated[1])}
    # a weight's entries take an index and a value, of 4 bytes each; a bias of 10 or 12 a bitmap of 2 bytes and a value
    expected = sum(6 if name.endswith("bias") else 8 * int(count[0]) for name, count in counts.items())
    assert built.client.facts_of_defense(victims)["bytes"] == expected
    assert f"| {expected:,} (×0.02) |" in page
