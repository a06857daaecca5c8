"""Convolutions of many victims, each with weights of its own: torch's grouped ones beside ours, operation by operation.

`python -m bench.speed.convolutions` prints them for the layers of LeNet and for two whose channels are whole blocks, at
one thread. Each finds its tensors as it lays them out itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

import bench.engine.kernels.convolution  # noqa: F401 (defines the operations)
from bench.engine.kernels.layout import beside

Work = Callable[[], object]

VICTIMS, TURNS = (8, 32), 25


@dataclass(frozen=True)
class ConvolutionLayer:
    """A convolution, padded so that only its stride makes the output smaller than the input.

    Args:
        inward: channels of the input.
        outward: channels of the output.
        size: height and width of the input.
        kernel: height and width of the kernel, odd.
        stride: of both axes.
    """

    inward: int
    outward: int
    size: int
    kernel: int
    stride: int


LAYERS = (
    *(ConvolutionLayer(3, 12, 32, 5, 2), ConvolutionLayer(12, 12, 16, 5, 2), ConvolutionLayer(12, 12, 8, 5, 1)),
    *(ConvolutionLayer(16, 16, 32, 3, 1), ConvolutionLayer(64, 64, 8, 3, 1)),
)


def measure(layer: ConvolutionLayer, victims: int, turns: int) -> dict[str, tuple[float, float]]:
    """The rates of torch and of ours, in floating-point operations per second, of each operation.

    A multiplication and an addition are two operations. Torch and ours take turns, and the quickest turn counts.

    Args:
        layer: the convolution, of one example per victim.
        victims: V.
        turns: of each.

    Returns:
        `{operation: (torch's rate, ours)}`, with the operations of `bench.engine.kernels.convolution`.
    """
    stride, padding = 2 * [layer.stride], 2 * [layer.kernel // 2]
    x = torch.rand(victims, 1, layer.inward, layer.size, layer.size)
    w = torch.rand(victims, layer.outward, layer.inward, layer.kernel, layer.kernel)
    grouped_x, grouped_w = x.transpose(0, 1).flatten(1, 2), w.flatten(0, 1)

    def forward() -> Tensor:
        return functional.conv2d(grouped_x, grouped_w, None, stride, padding, groups=victims)

    def backward(*wanted: bool) -> object:
        rest = (None, stride, padding, [1, 1], False, [0, 0], victims, wanted)
        return torch.ops.aten.convolution_backward(y, grouped_x, grouped_w, *rest)

    y, ours = forward(), torch.ops.leakbench
    own_x, own_w, own_y = map(beside, (x, w, y.unflatten(1, (victims, -1)).transpose(0, 1)))
    size, kernel = list(x.shape[3:]), list(w.shape[3:])
    contestants: dict[str, tuple[Work, Work]] = {
        "output": (forward, lambda: ours.convolution_output(own_x, own_w, stride, padding)),
        "input": (
            lambda: backward(True, False, False),
            lambda: ours.convolution_input(own_w, own_y, size, stride, padding),
        ),
        "weight": (
            lambda: backward(False, True, False),
            lambda: ours.convolution_weight(own_x, own_y, kernel, stride, padding),
        ),
    }
    operations = 2 * w.numel() * y[0, 0].numel()
    return {name: _rates(pair, operations, turns) for name, pair in contestants.items()}


def _rates(pair: tuple[Work, Work], operations: int, turns: int) -> tuple[float, float]:
    best = [float("inf"), float("inf")]
    for _ in range(turns + 1):  # the first turns warm up and are never the quickest
        for number, work in enumerate(pair):
            began = time.perf_counter()
            work()
            best[number] = min(best[number], time.perf_counter() - began)
    return operations / best[0], operations / best[1]


def main() -> None:
    """Prints the table, in Gflop/s."""
    torch.set_num_threads(1)
    print("| layer | victims | output | gradient by the input | gradient by the weights |")
    print("| --- | --: | --: | --: | --: |")
    for layer in LAYERS:
        name = f"{layer.inward} to {layer.outward} channels, {layer.size}x{layer.size}, "
        name += f"{layer.kernel}x{layer.kernel}, stride {layer.stride}"
        for victims in VICTIMS:
            found = measure(layer, victims, TURNS)
            rates = " | ".join(f"{theirs / 1e9:.0f}, {ours / 1e9:.0f}" for theirs, ours in found.values())
            print(f"| {name} | {victims} | {rates} |")


if __name__ == "__main__":
    main()
