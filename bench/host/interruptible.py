"""A LightningModule whose test a signal can end."""

import pytorch_lightning as pl

from bench.host import signals


class Interruptible(pl.LightningModule):
    """A LightningModule that listens to our own signal handlers while `Trainer.test` runs it."""

    def on_test_start(self) -> None:
        """Installs our signal handlers, because Lightning's would finish the block on SIGTERM and then requeue."""
        signals.listen()
