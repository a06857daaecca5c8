"""What Deep Leakage from Gradients (Zhu, Liu, Han 2019) claims of defences, and whether other attacks bear it out.

The claims are the paper's in our words; nothing of it is a figure to compare with. A claim whose defences or attacks
are not in the board is not judged.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.leaks import LeakageScore

PLAIN = "dlg"
# A defence stops an attack that recovers no image; one still leaks where the attack recovers half of what it does
# without. In between is neither.
_HALF = 0.5
# Accuracy is kept within these points of no defence, and lost beyond.
_POINTS = 0.02


@dataclass(frozen=True)
class Judged:
    """A claim, one word on it, and the figures that the word rests on."""

    claim: str
    verdict: str
    evidence: str


def judged(board: DefenseBoard) -> list[Judged]:
    """Each claim on which the board has something to say."""
    base = board.undefended
    if base is None or not board.modality.claimed:
        return []
    found = [
        _leaks("noise of standard deviation 1e-4 does not stop DLG", board, base, PLAIN, _noise(0, 1e-4)),
        _leaks("half precision does not stop DLG", board, base, PLAIN, _family("float16", "bfloat16")),
        _stops("noise of standard deviation 1e-2 and more stops DLG", board, PLAIN, _noise(1e-2, 10)),
        _costs("noise of standard deviation 1e-1 costs accuracy", board, base, _noise(1e-1, 10)),
        _stops("pruning stops DLG from 20 to 50 % on", board, PLAIN, _pruning(0.2, 1)),
        _keeps("the accuracy stays under pruning of 20 % and more", board, base, _pruning(0.2, 1)),
    ]
    found += [_through(board, attack) for attack in board.attacks if attack != PLAIN]
    found.append(_best(board, base))
    return [one for one in found if one is not None]


_ROUNDING = 1e-9
Choice = Callable[[DefenseResult], bool]


def _noise(least: float, most: float) -> Choice:
    return lambda line: _between(line.noise, least, most)


def _family(*names: str) -> Choice:
    return lambda line: line.family in names


def _pruning(least: float, most: float) -> Choice:
    return lambda line: _between(line.pruned, least, most)


def _between(strength: float | None, least: float, most: float) -> bool:
    """A bound counts as met within rounding: the root of a variance is not the decimal that one would write."""
    return strength is not None and least * (1 - _ROUNDING) <= strength <= most * (1 + _ROUNDING)


def _pairs(board: DefenseBoard, attack: str, chosen: Choice) -> list[tuple[DefenseResult, LeakageScore]]:
    return [(line, leak) for line in board.lines if chosen(line) and (leak := line.by(attack)) is not None]


def _recovered(pairs: list[tuple[DefenseResult, LeakageScore]]) -> str:
    ordered = sorted(pairs, key=lambda pair: (pair[0].family, _strength(pair[0])))
    return "; ".join(
        f"{line.title or line.name}: {leak.success.mean:.2f} [{leak.success.low:.2f}, {leak.success.high:.2f}]"
        for line, leak in ordered
    )


def _strength(line: DefenseResult) -> float:
    return line.noise or line.pruned or 0.0


def _leaks(claim: str, board: DefenseBoard, base: DefenseResult, attack: str, chosen: Choice) -> Judged | None:
    pairs, before = _pairs(board, attack, chosen), base.by(attack)
    if not pairs or before is None:
        return None
    still = [leak.success.mean >= _HALF * before.success.mean and leak.success.mean > 0 for _, leak in pairs]
    evidence = f"recovered without defence {before.success.mean:.2f}; {_recovered(pairs)}"
    return Judged(claim, _word(still), evidence)


def _stops(claim: str, board: DefenseBoard, attack: str, chosen: Choice) -> Judged | None:
    pairs = _pairs(board, attack, chosen)
    if not pairs:
        return None
    return Judged(
        claim, _word([leak.success.mean == 0 for _, leak in pairs]), f"recovered by {attack}: {_recovered(pairs)}"
    )


def _through(board: DefenseBoard, attack: str) -> Judged | None:
    """Whether another attack gets images out where pruning stops the plain one."""
    stopped = [line for line, leak in _pairs(board, PLAIN, _pruning(0, 1)) if leak.success.mean == 0]
    pairs = _pairs(board, attack, lambda line: line in stopped)
    if not pairs:
        return None
    verdict = _word([leak.success.mean > 0 for _, leak in pairs])
    claim = f"(not the paper's) {attack} gets through where pruning stops DLG"
    return Judged(claim, verdict, f"recovered by {attack}: {_recovered(pairs)}")


def _best(board: DefenseBoard, base: DefenseResult) -> Judged | None:
    """Whether pruning leaks least, under the worst attack, of all that keeps the accuracy."""
    found, without = _accuracies(board, lambda line: line is not base), _accuracies(board, lambda line: line is base)
    if not without or not any(_sparse(line) for line, _ in found):
        return None
    kept = [line for line, accuracy in found if without[0][1] - accuracy <= _POINTS]
    kept.sort(key=lambda line: line.worst.mean)
    if not kept:
        return None
    claim = "gradient pruning is the most effective defence that does not change the training"
    evidence = "; ".join(f"{line.title}: {line.worst.mean:.1f} dB under {line.worst.attack}" for line in kept[:4])
    return Judged(claim, _word([_sparse(kept[0])]), f"least leak among those that keep the accuracy: {evidence}")


def _sparse(line: DefenseResult) -> bool:
    """The paper prunes by magnitude, and points to Deep Gradient Compression for how accuracy is kept."""
    return line.family in ("pruning", "pruning_global", "dgc")


def _accuracies(board: DefenseBoard, chosen: Choice) -> list[tuple[DefenseResult, float]]:
    lines = sorted(filter(chosen, board.lines), key=lambda line: (line.family, _strength(line)))
    return [(line, line.utility["accuracy"]["mean"]) for line in lines if line.utility and line.utility["accuracy"]]


def _compared(claim: str, board: DefenseBoard, base: DefenseResult, chosen: Choice, kept: bool) -> Judged | None:
    found, without = _accuracies(board, chosen), _accuracies(board, lambda line: line is base)
    if not found or not without:
        return None
    before = without[0][1]
    held = [(before - accuracy <= _POINTS) == kept for _, accuracy in found]
    evidence = "; ".join(f"{line.title}: {accuracy:.3f}" for line, accuracy in found)
    return Judged(claim, _word(held), f"accuracy without defence {before:.3f}; {evidence}")


def _costs(claim: str, board: DefenseBoard, base: DefenseResult, chosen: Choice) -> Judged | None:
    return _compared(claim, board, base, chosen, kept=False)


def _keeps(claim: str, board: DefenseBoard, base: DefenseResult, chosen: Choice) -> Judged | None:
    return _compared(claim, board, base, chosen, kept=True)


def _word(held: list[bool]) -> str:
    return "holds" if all(held) else "in part" if any(held) else "does not hold"
