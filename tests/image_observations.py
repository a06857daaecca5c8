"""Observations of images in float64, made without a client, of one model per cell and of its own layers."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.messages.observation import Observation
from bench.messages.task import Task
from bench.models.chain import chain_of
from bench.models.introspect import gradient_of, introspect


def observe_images(model: nn.Module, images: Tensor, labels: Tensor, **structure: object) -> Observation:
    """What a client without a defence shares.

    Args:
        model: in float64; its buffers too.
        images: `[V, B, C, H, W]` in [0, 1], float64.
        labels: `[V, B]`.
        structure: fields of the task beside the chain of layers.
    """
    count, batch_size, *shape = images.shape
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    buffers = {name: value.detach() for name, value in model.named_buffers()}
    gradient = gradient_of(model, functional.cross_entropy)
    rows = [gradient(parameters, buffers, images[v], labels[v]) for v in range(count)]
    with torch.no_grad():
        classes = model(images[0]).shape[1]
    info = introspect(model.float(), functional.cross_entropy, tuple(shape), classes, batch_size)
    model.double()
    task = Task(
        gradient,
        tuple(shape),
        classes,
        (0.0, 1.0),
        has_buffers=bool(buffers),
        last_linear=info.last_linear,
        last_bias=info.last_bias,
        chain=chain_of(model, tuple(shape)),
        **structure,
    )
    return Observation(
        {name: torch.stack([row[name].detach() for row in rows]) for name in rows[0]},
        {name: value.expand(count, *value.shape) for name, value in parameters.items()},
        {name: value.expand(count, *value.shape) for name, value in buffers.items()},
        torch.arange(count),
        task,
        batch_size,
    )
