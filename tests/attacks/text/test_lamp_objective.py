"""LAMP's objective: what is fixed has no slope, and the value is that of the distance and the regulariser."""

import torch
from attacks.text.lamp_parts import parts


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
