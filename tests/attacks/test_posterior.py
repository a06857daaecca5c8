"""One score for all claims: the true images have the best one, open labels are found, and the range is kept."""

from dataclasses import replace
from math import inf

import pytest
import torch
from observations import CLASSES, net, observe

from bench.attacks.likelihood import Likelihood
from bench.attacks.posterior import Posterior
from bench.priors.power_spectrum import PowerSpectrum


def judge(seen) -> Posterior:
    return Posterior(seen, Likelihood.under(seen, 1e-3), PowerSpectrum(1.0, 0.3, 0.5), torch.float64)


def test_the_truth_scores_best_and_its_gradient_is_the_shared_one() -> None:
    seen, images, labels = observe(net(), batch_size=1)
    posterior = judge(seen)
    for victim in range(3):
        true = posterior(victim, images[victim], labels[victim])
        assert true.error < 1e-12 and true.equations == 30 + 5 + 20 + 4 and true.evaluations == 1
        # the score is the prior's alone: what was shared is explained
        assert true.score == pytest.approx(float(posterior.prior(images[victim][None])))
        other = posterior(victim, images[(victim + 1) % 3], labels[victim])
        assert other.score > true.score and other.error > 0.01


def test_open_labels_are_those_of_the_lowest_score() -> None:
    seen, images, labels = observe(net(), batch_size=1)
    found = judge(seen)(0, images[0], torch.tensor([-1]))
    assert torch.equal(found.labels, labels[0]) and found.evaluations == CLASSES + 1
    granted = judge(replace(seen, labels=labels))(0, images[0], torch.tensor([-1]))
    assert torch.equal(granted.labels, labels[0]) and granted.evaluations == 1


def test_labels_that_there_is_no_time_for_stay_open() -> None:
    seen, images, _ = observe(net(), batch_size=2)
    answers = iter([True, False])
    posterior = replace(judge(seen), affords=lambda seconds: next(answers))
    found = posterior(0, images[0], torch.tensor([-1, -1]))
    assert found.labels[1] == -1 and found.labels[0] in range(CLASSES) and found.evaluations == CLASSES + 1


def test_a_label_that_is_claimed_is_not_changed() -> None:
    seen, images, labels = observe(net(), batch_size=2)
    claimed = torch.tensor([-1, int(labels[0, 1])])
    assert torch.equal(judge(seen)(0, images[0], claimed).labels, labels[0])
    wrong = (labels[0] + 1) % CLASSES
    assert torch.equal(judge(seen)(0, images[0], wrong).labels, wrong)


def test_pixels_are_brought_into_the_range_that_is_granted() -> None:
    seen, images, labels = observe(net(), batch_size=1)
    found = judge(seen)(0, images[0] + 2, labels[0])
    assert torch.equal(found.inputs, torch.ones_like(images[0]))
    unknown = replace(seen, task=replace(seen.task, input_range=None))
    assert torch.equal(judge(unknown)(0, images[0] + 2, labels[0]).inputs, images[0] + 2)


def test_a_claim_that_is_not_finite_is_worse_than_any() -> None:
    seen, images, labels = observe(net(), batch_size=1)
    found = judge(seen)(0, images[0] * torch.nan, labels[0])
    assert found.score == inf and found.error == inf and found.evaluations == 0
