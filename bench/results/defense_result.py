"""One defence at one strength: its leakage under every attack, and the utility that it leaves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.modalities.base import Modality
from bench.modalities.scale import LeakageScale
from bench.results.leaks import LeakageScore
from bench.results.worst_case import WorstCase, worst_case

# The classes of bench.defenses.noise, and the options that use them (a test compares the two).
_NOISE = {"Gaussian": "gaussian", "Laplacian": "laplacian"}


@dataclass(frozen=True)
class LimitResult:
    """What no unbiased attacker gets past under one defence.

    Args:
        document: see `bench.results.limits_summary`.
        ratio: the measured MSE of the attack that gets most over the unbiased limit, the median over victims, > 0; None
            if there is no limit. It is below 1 for an attacker who is biased, by a prior or by the range of the pixels.
    """

    document: dict[str, Any]
    ratio: float | None


@dataclass(frozen=True)
class LabelResult:
    """What label rules read under one defence.

    Args:
        best: the document of the rule that is right most often (`bench.results.labels_summary`); None if none has a
            result.
        rules: how many rules have a result.
        chance: the rate at which a label drawn uniformly is right, in (0, 1]; None for batches of more than one.
        unserved: the rules without a result, `{rule: reason}`.
    """

    best: dict[str, Any] | None
    rules: int
    chance: float | None
    unserved: dict[str, str]


@dataclass(frozen=True)
class DefenseResult:
    """One defence at one strength.

    Args:
        name: its displayed name, such as `gaussian (std=0.1)`.
        node: its config.
        family: the option that it was taken from.
        strength: the settings in which it differs from others of its family in this board, such as `std 0.1`; empty if
            no other differs.
        leaks: the leakage under each attack.
        unserved: the attacks without a result, `{attack: reason}`.
        doubled: the attacks of whose name there are several cells, such as two versions; the worst one counts.
        utility: the document of the training under it (`bench.results.training_summary`), or None.
        rank: its rank; rank 1 leaks least. Defences that the paired test does not separate share a rank.
        limit: what no unbiased attacker gets past (see `LimitResult`), or None if nobody measured it.
        identification: the document of its line-ups (`bench.results.identification_summary`), or None.
        labels: what label rules read (see `LabelResult`), or None if none was tried.
        p: the p-value of the paired test against the first defence of the rank before; None in the first rank.
    """

    name: str
    node: Mapping[str, Any]
    family: str
    strength: str
    leaks: list[LeakageScore]
    unserved: dict[str, str] = field(default_factory=dict)
    doubled: tuple[str, ...] = ()
    utility: dict[str, Any] | None = None
    rank: int = 0
    limit: LimitResult | None = None
    identification: dict[str, Any] | None = None
    labels: LabelResult | None = None
    p: float | None = None

    @property
    def worst(self) -> LeakageScore:
        """The leakage under the attack with the highest mean score."""
        return max(self.leaks, key=lambda leak: leak.mean)

    def worst_case(self, controls: Sequence[Mapping[int, float]]) -> WorstCase:
        """The worst case over all attacks per victim, beside the best of as many controls.

        Args:
            controls: the scores of attacks that look at no gradient, `{victim: score}` each.
        """
        found = worst_case({leak.attack: dict(zip(leak.victims, leak.score)) for leak in self.leaks}, controls)
        assert found is not None, "a line has one attack with a victim at least"
        return found

    def by(self, attack: str) -> LeakageScore | None:
        """The leakage under this attack, or None if it has no result."""
        return next((leak for leak in self.leaks if leak.attack == attack), None)

    @property
    def adaptive(self) -> list[str]:
        """The attacks with a result whose threat model grants the defence."""
        grants = {leak.attack: (leak.cell.facts.get("threat") or {}).get("grants") or {} for leak in self.leaks}
        return [attack for attack, granted in grants.items() if granted.get("defense_known")]

    @property
    def title(self) -> str:
        """The name of its row in tables: the family and the strength."""
        return f"{self.family} {self.strength}".strip()

    @property
    def noise(self) -> float | None:
        """The standard deviation of the noise, in the gradient's unit; None if the defence is anything but noise.

        The noise may be given by `std` or `variance`, alone or as the only part of a stack.
        """
        parts = self._parts
        if parts is None:  # rows that do not describe their defence
            return deviation(self.node) if self.family in _NOISE.values() else None
        return deviation(parts[0]) if len(parts) == 1 and parts[0].get("defense") in _NOISE else None

    @property
    def pruned(self) -> float | None:
        """The fraction of entries that are pruned by size; None if the defence is anything but pruning."""
        parts = self._parts
        if parts is None:
            return self.node.get("fraction") if self.family in ("pruning", "pruning_global") else None
        alone = len(parts) == 1 and parts[0].get("defense") == "Pruning"
        return parts[0].get("fraction") if alone else None

    @property
    def _parts(self) -> list[dict[str, Any]] | None:
        found = self.facts.get("parts")
        return None if found is None else [part or {} for part in found]

    @property
    def facts(self) -> dict[str, Any]:
        """The stored facts of the defence: `parts`, `epsilon` of a shared step, `notes`, ...; empty if unknown."""
        return self.worst.cell.facts.get("defense") or {}


@dataclass(frozen=True)
class DefenseBoard:
    """The defences on one data set and model, and one setting of the training under them.

    Args:
        data: the data set's displayed name.
        model: the model's displayed name.
        threats: the names of all threat models under which the attacks ran.
        batch: the batch size B, or None if the config has none.
        modality: the kind of the data.
        lines: the defences, by rank.
        attacks: the names of the attacks; the attack with the highest leakage comes first.
        training: the model and the schedule of the training in words, or None if nothing was trained.
        floored: whether the score of a control, which looks at no gradient, bounds the leakage from below.
        controls: the scores of the controls on the same victims, `{attack: {victim: score}}`.
    """

    data: str
    model: str
    threats: list[str]
    batch: int | None
    modality: Modality
    lines: list[DefenseResult]
    attacks: list[str]
    training: str | None
    floored: bool
    controls: dict[str, dict[int, float]] = field(default_factory=dict)

    @property
    def scale(self) -> LeakageScale:
        """The scale of the leakage."""
        return self.modality.scale

    @property
    def undefended(self) -> DefenseResult | None:
        """The result without a defence, or None if there is none."""
        return next((line for line in self.lines if line.family == "none"), None)


def deviation(settings: Mapping[str, Any]) -> float | None:
    """The standard deviation of noise that is given by `std` or by `variance`.

    >>> deviation({"std": None, "variance": 1e-4}), deviation({"std": 0.1, "variance": None})
    (0.01, 0.1)
    """
    if settings.get("std") is not None:
        return float(settings["std"])
    variance = settings.get("variance")
    return None if variance is None or variance < 0 else math.sqrt(variance)
