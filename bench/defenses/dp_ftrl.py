"""DP-FTRL: Kairouz, McMahan, Song, Thakkar, Thakurta and Xu, "Practical and Private (Deep) Learning without Sampling or
Shuffling", 2021 (arXiv 2103.00039), algorithm 1 with tree aggregation and restarts.

The noise is that of sums over all steps so far, as the nodes of a binary tree. Step t = m 2^k, m odd, adds the node of
the steps t - 2^k + 1 to t, and takes away the nodes of levels 0 to k - 1 that lie below it. So the sum over the first t
steps has one node for each bit of t that is set. This is the mechanism without the variance reduction of Honaker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.defenses.base import ClientContext, ClientStep, Tree
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng


@dataclass(frozen=True, kw_only=True)
class TreePrivacy(Privacy):
    """A tree of Gaussian mechanisms on sums of per-sample gradients of bounded norm.

    An example that takes part in one step of a tree is in at most one node of each level, so it costs as many releases
    as there are levels. One that takes part in m steps of a tree moves a node by up to m times the bound, which costs
    m^2 times as many. Neighbours differ by one example whose gradient is replaced by zero.

    Args:
        tree: number of steps of a tree.
    """

    tree: int
    sampling: ClassVar[str] = "shuffle"

    def times(self, releases: int) -> Privacy:
        """Returns the guarantee of an example that takes part in `releases` steps in place of one."""
        return super().times(releases**2)

    def of_training(self, epochs: int, steps: int, rate: float | None) -> float:
        """Epsilon of a training in which an example takes part in at most one step of each epoch.

        Over all trees, the participations in a tree add up to `epochs`; the sum of their squares is at most `epochs`
        times the most that there are in one tree.

        Args:
            epochs: number of epochs.
            steps: steps per epoch.
            rate: not used, because correlated noise is not amplified by sampling.

        Raises:
            UserError: Opacus is not installed.
        """
        most = min(epochs, participations(self.tree, steps))
        return replace(self, releases=self.releases * most).epsilon(epochs, 1.0)


def participations(tree: int, epoch: int) -> int:
    """How often an example can take part in one tree if it takes part once per epoch.

    Args:
        tree: steps per tree, >= 1; trees follow one another.
        epoch: steps per epoch, >= 1.

    Example:
        >>> participations(250, 250), participations(125, 250), participations(500, 250), participations(200, 250)
        (1, 1, 2, 2)
    """
    if epoch % tree == 0:
        return 1
    if tree % epoch == 0:
        return tree // epoch
    return (tree - 2) // epoch + 2  # a tree may begin at the last step of an epoch


def correlated(fresh: Tree, nodes: Tree, step: Tensor) -> tuple[Tree, Tree]:
    """Returns the difference of the noise of two sums, over t steps and over t - 1, and the new nodes.

    Args:
        fresh: `{name: [...]}`, the noise of the node that ends at step t.
        nodes: `{name: [L, ...]}`, the last node of each level, from the leaves up.
        step: `[]`, int64, t >= 1, below 2^L.
    """
    span = 2 ** torch.arange(len(next(iter(nodes.values()))), device=step.device)
    below = step % (2 * span) == 0  # levels whose last node lies below the new one
    new = (step % span == 0) & ~below
    noise, kept = {}, {}
    for name, value in fresh.items():
        noise[name] = value - torch.tensordot(below.to(value.dtype), nodes[name], 1)
        kept[name] = torch.where(new.reshape([-1] + [1] * value.dim()), value, nodes[name])
    return noise, kept


@dataclass(frozen=True)
class DPFTRL(DPSGD):
    """DP-SGD whose noise is correlated over steps; the attack tables show a client's first step, where both are equal.

    After each `steps` steps a new tree begins. Gradient descent with a constant rate and without momentum on what is
    shared is the paper's algorithm. Single steps have more noise than those of DP-SGD, (k + 1) times the variance at
    t = m 2^k, and sums over many steps have less. The state is as large as the model times the levels of the tree.

    An attacker who knows the defence has the likelihood of the Gaussian noise (`bench.attacks.likelihood`).

    Args:
        norm: see `DPSGD`.
        noise_multiplier: standard deviation of the noise of each node, divided by `norm`, >= 0.
        delta: see `DPSGD`.
        seed: see `DPSGD`.
        steps: number of steps of a tree, >= 1; 1 is DP-SGD.

    Raises:
        ValueError: an argument is out of its range.
    """

    steps: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1:
            raise ValueError(f"steps={self.steps}: must be >= 1, the steps of a tree")

    @property
    def levels(self) -> int:
        """Number of levels of the tree, which is the largest number of nodes with one step in them."""
        return self.steps.bit_length()

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns the step of DP-SGD with correlated noise.

        Raises:
            NotApplicable: see `DPSGD.wrap`.
        """
        return _Correlated(super().wrap(inner, local), self, inner.depth + 1)

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns the guarantee of an example in one step of a tree that is shared as a whole; None without noise."""
        if not self.must_change:
            return None
        return TreePrivacy(self.noise_multiplier, self.delta, self.levels, tree=self.steps)

    def notes(self, local: ClientContext) -> list[str]:
        """What the guarantee counts, if there is one, beside the notes of `DPSGD`."""
        counted = (
            f"DPFTRL: ε of a step counts the {self.levels} nodes that an example is in once all {self.steps} steps of "
            "the tree are shared; ε of a training is without sampling, with each example in one step per epoch"
        )
        return [*super().notes(local), *([counted] if self.must_change else [])]


@dataclass(frozen=True, eq=False)
class _Correlated(ClientStep):
    private: ClientStep  # of DP-SGD, whose random numbers are those of the samples and the standard normal noise
    part: DPFTRL
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        return self.private.noise(shapes, batch_size, stream)

    def start(self, shapes: Shapes) -> Any:
        nodes = {name: torch.zeros(self.part.levels, *shape) for name, shape in shapes.items()}
        return self.private.start(shapes), nodes, torch.zeros((), dtype=torch.long)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        before, nodes, done = state
        correlation, nodes = correlated(noise[1], nodes, done % self.part.steps + 1)
        shared, after = self.private(parameters, buffers, inputs, labels, (noise[0], correlation), before)
        return shared, (after, nodes, done + 1)
