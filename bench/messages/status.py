"""How the work on one victim ended."""

from __future__ import annotations

import enum


class Status(enum.Enum):
    """How the work on one victim ended; the value is the word that the tables print."""

    CONVERGED = "converged"
    BUDGET = "budget"
    DIVERGED = "diverged"
    NONFINITE = "nonfinite"
    UNVERIFIED = "unverified"
    OUT_OF_MEMORY = "out_of_memory"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"

    @property
    def sentence(self) -> str:
        """The meaning of the status, as a full sentence for the reader."""
        return _SENTENCES[self]

    @property
    def failed(self) -> bool:
        """Whether the victim counts as a failure of the run; a run that converged to a wrong image is not a failure."""
        return self not in (Status.CONVERGED, Status.BUDGET)


_SENTENCES = {
    Status.CONVERGED: "a stopping rule of the attack was met",
    Status.BUDGET: "the budget of iterations or evaluations was used up",
    Status.DIVERGED: (
        "the objective ended above its start or above ten times its best, or was not finite, or the inputs ended more "
        "than ten ranges outside their range; the best finite iterate was kept"
    ),
    Status.NONFINITE: "the objective or its gradient was not finite from the start",
    Status.UNVERIFIED: "nothing that the attack found agrees with the gradient, so it returns no reconstruction",
    Status.OUT_OF_MEMORY: "the device ran out of memory",
    Status.ERROR: "an exception was raised",
    Status.NOT_APPLICABLE: "the attack cannot serve this model or threat model",
}
