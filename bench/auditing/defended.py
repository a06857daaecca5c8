"""What an audit found behind a defence, in one line of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.auditing.verdict import Recovery

if TYPE_CHECKING:
    from bench.auditing.report import Audit


@dataclass(frozen=True)
class Defended:
    """An audit of the same step behind a defence.

    Args:
        name: as it was asked for.
        setting: the defence with its parameters; empty if it cannot be used.
        does: what the defence is, in a sentence.
        verdict: in words; `NOT AUDITED` if the defence cannot be used here.
        recovered: how many inputs were recovered.
        partly: how many were found in part.
        count: of how many.
        share: the least error of an input over its best control's; NaN if there is none.
        targets: what was found of the targets, in words.
        bound: the root mean square error that no unbiased attacker stays below; None if none follows.
        seconds: of the attack.
        known: whether the attacker was told of the defence.
        reason: why the defence cannot be used here; None if it can.
    """

    name: str
    setting: str
    does: str
    verdict: str
    recovered: int = 0
    partly: int = 0
    count: int = 0
    share: float = math.nan
    targets: str = ""
    bound: float | None = None
    seconds: float = 0.0
    known: bool = True
    reason: str | None = None

    @property
    def found(self) -> str:
        """The inputs that were found, in words."""
        return f"{self.recovered} recovered, {self.partly} partly, of {self.count}"

    @property
    def sentence(self) -> str:
        """In words, without an end."""
        if self.reason is not None:
            return f"{self.name} cannot be used here ({self.reason})"
        least = "" if math.isnan(self.share) else f", the least error {self.share:.2g} of its control's"
        return f"{self.name}: {self.verdict} ({self.found}{least})"


def line_of(report: Audit, name: str, does: str) -> Defended:
    """An audit as a line of a table.

    Args:
        report: the audit.
        name: of the defence.
        does: what it is.
    """
    found = [one.found for one in report.examples]
    return Defended(
        name=name,
        setting=report.setting.defense,
        does=does,
        verdict=report.verdict.value,
        recovered=found.count(Recovery.RECOVERED),
        partly=found.count(Recovery.PARTLY),
        count=len(found),
        share=min((one.share for one in report.examples if not math.isnan(one.share)), default=math.nan),
        targets=report.targets.sentence,
        bound=report.room.bound,
        seconds=report.effort.seconds,
        known=report.setting.defense_known,
    )


def sentences(report: Audit) -> str:
    """All defences of a comparison, in words; empty if there was none."""
    if not report.defended:
        return ""
    told = " The attacker knew each of them." if all(one.known for one in report.defended) else ""
    return f"{'; '.join(one.sentence for one in report.defended)}.{told}"
