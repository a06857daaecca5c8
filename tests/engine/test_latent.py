"""The noise of a latent as variables: the matching at the drawn noise, its gradient, and victims on their own."""

import dataclasses

import pytest
import torch
from observations import CLASSES, SHAPE, net, observe
from torch.nn import functional

from bench.engine.latent import LatentLayout, LatentMatching
from bench.engine.matching import Layout, Matching
from bench.messages.observation import Observation
from bench.models.bottleneck import NOISE, add_bottleneck
from bench.models.introspect import gradient_of
from bench.objectives.squared_error import squared_error

WIDTH, SCALE, LATENT = 3, 0.5, f"3.{NOISE}"
LAYOUT = LatentLayout(2, SHAPE, CLASSES, latents=WIDTH, scale=SCALE)


def observed(one_model: bool) -> tuple[Observation, torch.Tensor, torch.Tensor]:
    """Three victims of a network with a bottleneck, their images, and the noise `[V, B, k]` that they drew."""
    model = net()
    torch.manual_seed(1)
    add_bottleneck(model[3], WIDTH, 0.1)
    seen, images, labels = observe(model, one_model=one_model)
    gradient = gradient_of(model, functional.cross_entropy)
    noise = torch.randn(3, 2, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    rows = [
        gradient({n: v[i] for n, v in seen.parameters.items()}, {LATENT: noise[i]}, images[i], labels[i])
        for i in range(3)
    ]
    seen = dataclasses.replace(
        seen,
        gradients={name: torch.stack([row[name] for row in rows]) for name in rows[0]},
        buffers={LATENT: torch.zeros(1, 1, WIDTH, dtype=torch.float64).expand(3, 1, WIDTH)},
        task=dataclasses.replace(seen.task, gradient=gradient, has_buffers=True),
        labels=labels,
    )
    return seen, images, noise


def matched(seen: Observation, victims: list[int], layout: LatentLayout, labels: torch.Tensor | None) -> LatentMatching:
    matching = LatentMatching(seen, layout, squared_error, labels, torch.float64, (), LATENT)
    matching.load(torch.tensor(victims))
    return matching


def test_the_last_variables_are_the_noise_in_its_scale() -> None:
    z = torch.arange(2.0 * LAYOUT.n).reshape(2, -1)
    images, logits = LAYOUT.split(z)
    plain = Layout(2, SHAPE, CLASSES)
    assert LAYOUT.n == plain.n + 2 * WIDTH
    assert torch.equal(images, plain.split(z[:, : plain.n])[0])
    assert logits is not None and torch.equal(logits, plain.split(z[:, : plain.n])[1])
    assert torch.equal(LAYOUT.noise(z), SCALE * z[:, plain.n :].reshape(2, 2, WIDTH))


@pytest.mark.parametrize("one_model", [False, True])
def test_at_the_drawn_noise_the_true_images_are_a_minimum_of_zero_and_at_zero_it_is_a_plain_matching(one_model) -> None:
    seen, images, noise = observed(one_model)
    fixed = LatentLayout(2, SHAPE, 0, latents=WIDTH, scale=SCALE)
    matching = matched(seen, [0, 1, 2], fixed, seen.labels)
    values, slopes = matching(torch.cat([images.flatten(1), noise.flatten(1) / SCALE], 1))
    assert values.max() < 1e-24 and slopes.abs().max() < 1e-10  # squares of float64's rounding
    plain = Matching(seen, Layout(2, SHAPE, 0), squared_error, seen.labels, torch.float64)
    plain.load(torch.arange(3))
    expected, slope = plain(images.flatten(1))
    values, slopes = matching(torch.cat([images.flatten(1), torch.zeros(3, 2 * WIDTH)], 1).double())
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(slopes[:, : slope.shape[1]], slope)
    assert values.min() > 1e-4 and (slopes[:, slope.shape[1] :] != 0).all()


@pytest.mark.parametrize("one_model", [False, True])
@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "one by one"])
def test_the_gradient_is_that_of_finite_differences_and_of_each_victim_alone(mapped: bool, one_model: bool) -> None:
    """Central differences with a step of 1e-5 in float64 are right to about 1e-9."""
    seen, _, _ = observed(one_model)
    z = torch.randn(3, LAYOUT.n, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    matching = matched(seen, [0, 1, 2], LAYOUT, None)
    if not mapped:
        matching.one_by_one()
    values, slopes = matching(z)
    d = torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(4))
    numbers = (matching.value(z + 1e-5 * d) - matching.value(z - 1e-5 * d)) / 2e-5
    torch.testing.assert_close((slopes * d).sum(1), numbers, rtol=1e-6, atol=1e-8)
    for victim in range(3):
        alone, slope = matched(seen, [victim], LAYOUT, None)(z[[victim]])
        torch.testing.assert_close(alone, values[[victim]], rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(slope, slopes[[victim]], rtol=1e-8, atol=1e-10)
