"""Controls know nothing of a gradient: what they claim depends on the victim's number and what is granted alone."""

from dataclasses import replace

import pytest
import torch
from observations import SHAPE, net, observe
from sentence_cells import parties

from bench.attacks.controls import Mean, Noise, random_tokens
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.status import Status

ENGINE = EngineSettings(None, None, None, "float32")


def test_noise_fills_the_granted_range_and_is_the_victims_own() -> None:
    seen, *_ = observe(net(), victims=40)
    seen = replace(seen, task=replace(seen.task, input_range=(-2.0, 3.0)))
    (whole,) = Noise(engine=ENGINE).reconstruct(seen, 7)
    assert whole.inputs.shape == (40, 2, *SHAPE)
    assert -2 <= whole.inputs.min() < -1.9 and 2.9 < whole.inputs.max() <= 3
    assert float(whole.inputs.mean()) == pytest.approx(0.5, abs=0.3)  # 480 numbers of deviation 1.44
    (alone,) = Noise(engine=ENGINE).reconstruct(seen.take(torch.tensor([5])), 7)
    (other,) = Noise(engine=ENGINE).reconstruct(seen, 8)
    assert torch.equal(alone.inputs[0], whole.inputs[5]) and not torch.equal(other.inputs, whole.inputs)


def test_a_control_claims_no_label_and_costs_nothing() -> None:
    seen, *_ = observe(net())
    (found,) = Noise(engine=ENGINE).reconstruct(seen, 0)
    assert (found.labels == -1).all() and found.objective.isnan().all() and found.status == [Status.CONVERGED] * 3
    assert not (found.evaluations.any() or found.iterations.any() or found.seconds.any())


def test_the_mean_is_the_same_image_everywhere() -> None:
    seen, images, _ = observe(net())
    seen = replace(seen, mean_image=images.mean((0, 1)))
    (found,) = Mean(engine=ENGINE).reconstruct(seen, 0)
    assert torch.equal(found.inputs, images.mean((0, 1)).expand(3, 2, *SHAPE))
    with pytest.raises(NotApplicable, match="Mean needs the mean image"):
        list(Mean(engine=ENGINE).reconstruct(replace(seen, mean_image=None), 0))


def test_noise_needs_a_range_for_images_only() -> None:
    seen, *_ = observe(net())
    with pytest.raises(NotApplicable, match="Noise needs to know the range of inputs"):
        Noise(engine=ENGINE).check(replace(seen, task=replace(seen.task, input_range=None)))
    built = parties("attack=noise")
    sentences = built.client.share(built.data.deal(range(30)))
    sentences = replace(sentences, task=replace(sentences.task, input_range=None))
    built.attack.check(sentences)
    tokens = random_tokens(sentences, 0)
    assert torch.equal(tokens >= 0, sentences.mask)
    allowed = torch.tensor(sentences.task.language.tokenizer.allowed())
    drawn = tokens[tokens >= 0]
    assert allowed[drawn].all()
    # uniform over 1,500 words: of the lower half come about as many as of the upper one
    assert 0.4 < float((drawn < len(allowed) / 2).double().mean()) < 0.6
    unknown = random_tokens(replace(sentences, mask=None), 0)
    assert (unknown >= 0).all() and torch.equal(unknown[sentences.mask], drawn)
