"""`bench.LeakageMonitor`: audits a training while it runs, and leaves it as it is."""

from __future__ import annotations

import inspect
import time
import warnings
from typing import Any

from bench.auditing.as_before import as_before
from bench.auditing.audit import audit
from bench.auditing.callback_base import Callback
from bench.auditing.first_examples import batch_size, first_examples
from bench.auditing.logged import beside, log_picture, numbers
from bench.auditing.report import Audit
from bench.auditing.sentences import headline
from bench.auditing.verdict import Verdict
from bench.config.suggest import did_you_mean
from bench.errors import UserError, in_short

_SPLIT = ("FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy")  # rank zero has a part of each parameter
_OWN = ("module", "batch", "budget", "earlier", "sent")  # arguments of `audit` that a monitor has otherwise


class LeakFound(Exception):
    """A monitor with `on_leak="raise"` found that the training leaks. The message is one line."""


class LeakageMonitor(Callback):  # type: ignore[misc]
    """Audits the first batch of an epoch before training uses it, by `bench.audit`, on rank zero.

    What is audited is the gradient of the first `examples` examples at the weights of that moment, which the step that
    follows computes. The training is left as it is, bit for bit: the audit is of a copy, and the random numbers of
    Python, numpy and torch are set back. No process waits in a collective call of the monitor's; the others wait for
    rank zero in the next one of the training.

    Fewer examples leak more than the whole batch does, so the result is that of a client with a batch of this size.

    Args:
        every_n_epochs: 1 for every epoch; the first epoch is always audited.
        examples: how many of the batch; None for all.
        budget: of one audit, in seconds.
        on_leak: what happens if the verdict is LEAKS: `warn` (a warning), `raise` (`LeakFound`, before the step is
            taken), or None.
        pictures: whether truths and reconstructions of images are given to the loggers; if not, nothing private leaves
            the process.
        settings: further arguments of `bench.audit`, such as `inputs`, `range`, `defense`, `attack`.

    Attributes:
        report: the latest audit; None before the first.
        seconds: what all audits took so far.

    Raises:
        UserError: an argument is wrong; or the first audit is refused, or parameters are split over the processes, when
            the fit begins. A later audit that is refused is a warning.

    Example:
        >>> import bench
        >>> bench.LeakageMonitor(every_n_epochs=5, budget=20, on_leak="raise").examples
        4
    """

    def __init__(
        self,
        every_n_epochs: int = 1,
        examples: int | None = 4,
        budget: float | None = 30.0,
        on_leak: str | None = "warn",
        pictures: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__()
        for name, value in (("every_n_epochs", every_n_epochs), ("examples", examples)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise UserError(f"LeakageMonitor: {name}={value!r}: want a whole number of at least 1")
        if budget is not None and not budget > 0:
            raise UserError(f"LeakageMonitor: budget={budget!r}: want seconds, or None for no end")
        if on_leak not in ("warn", "raise", None):
            raise UserError(f"LeakageMonitor: on_leak={on_leak!r}: want 'warn', 'raise' or None")
        known = [name for name in inspect.signature(audit).parameters if name not in _OWN]
        if strange := [name for name in settings if name not in known]:
            near = did_you_mean(strange[0], [*known, "every_n_epochs", "examples", "on_leak", "pictures"])
            raise UserError(f"LeakageMonitor: no argument {strange[0]!r}{near}")
        self.every_n_epochs, self.examples, self.budget = every_n_epochs, examples, budget
        self.on_leak, self.pictures, self.settings = on_leak, pictures, settings
        self.report: Audit | None = None
        self.seconds = 0.0
        self._due = False

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Refuses a training whose parameters no single process holds."""
        name = type(getattr(trainer, "strategy", None)).__name__
        if stage == "fit" and name in _SPLIT:
            raise UserError(
                f"LeakageMonitor: {name} splits the parameters over processes, and an audit needs them whole: audit a "
                "checkpoint by bench.audit instead"
            )

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Decides whether this epoch is audited."""
        self._due = trainer.is_global_zero and trainer.current_epoch % self.every_n_epochs == 0

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Audits the first batch of an epoch that is due."""
        if not self._due:
            return
        self._due = False
        begin = time.perf_counter()
        report = self._audited(trainer, pl_module, batch)
        took = time.perf_counter() - begin
        self.seconds += took
        if report is None:
            return
        self.report = report
        with as_before():
            self._log(trainer, report, took)
        if report.verdict is Verdict.LEAKS:
            self._tell(_line(report, trainer.current_epoch, took, batch_size(batch, self.settings.get("inputs"))))

    def _audited(self, trainer: Any, module: Any, batch: Any) -> Audit | None:
        """The report; None if the audit was refused, which is a warning after the first one."""
        try:
            with as_before():
                few = first_examples(batch, self.examples, self.settings.get("inputs"))
                return audit(module, few, budget=self.budget, **self.settings)
        except UserError as error:
            if self.report is None:
                raise
            reason = str(error)
        except Exception as error:  # a training must not end because an audit of it fails
            reason = f"{type(error).__name__}: {in_short(error)}"
        warnings.warn(f"leakbench: epoch {trainer.current_epoch} was not audited: {reason}", stacklevel=2)
        return None

    def _log(self, trainer: Any, report: Audit, seconds: float) -> None:
        step = int(trainer.global_step)
        figures = {**numbers(report, seconds), "epoch": trainer.current_epoch}
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=step)
            if self.pictures and report.pictures is not None:
                log_picture(logger, beside(report.pictures), step)

    def _tell(self, line: str) -> None:
        if self.on_leak == "raise":
            raise LeakFound(line)
        if self.on_leak == "warn":
            warnings.warn(line, stacklevel=2)


def _line(report: Audit, epoch: int, seconds: float, whole: int) -> str:
    size = report.setting.batch_size
    part = "" if size == whole else f" (the first {size} of a batch of {whole})"
    return f"leakbench: epoch {epoch} {headline(report)[:-1]}{part}; the audit took {seconds:.0f} s"
