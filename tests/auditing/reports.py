"""A report of given findings, without an attack."""

import torch

from bench.auditing.report import Audit, AuditSetting, Effort
from bench.auditing.room_left import RoomLeft
from bench.auditing.verdict import TargetFinding, Thresholds, judged, overall
from bench.messages.status import Status

GRANTED = ("the batch size",)
AT = Thresholds(0.02, 0.3)


def report(errors: list[float], labels: bool, room: RoomLeft | None = None, **setting) -> Audit:
    """Of images whose best control has an error of 1."""
    mse = torch.tensor(errors, dtype=torch.float64)
    examples = judged(mse, {"gray": torch.ones_like(mse)}, AT)
    targets = TargetFinding("classes", False, int(labels), 1, 0.1 if labels else 1.0, labels)
    fields = {"defense": "", "defense_known": False, "randomness": "", "attack": "strongest", "budget": 60.0, **setting}
    size = len(errors), (1, 8, 8), 100
    return Audit(
        scores={"mse": mse},
        inputs=torch.zeros(len(errors), 1, 8, 8),
        labels=torch.zeros(len(errors), dtype=torch.long),
        status=Status.BUDGET,
        objective=float("nan"),
        evaluations=3,
        mse=mse,
        blank=torch.ones_like(mse),
        verdict=overall(examples, targets),
        examples=examples,
        targets=targets,
        thresholds=AT,
        room=room or RoomLeft(None, 64, 64, 3.0),
        setting=AuditSetting("Net", "images", "image", *size, True, "B", GRANTED, **fields),
        effort=Effort(2.0, ("spectrum", "joint"), {"relu": "needs about 90 s, 3 s are left"}, "joint", False),
        truth=torch.full((len(errors), 1, 8, 8), 0.123456),
    )
