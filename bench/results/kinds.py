"""The kinds of cells that a results folder may hold."""

from bench.results.stored_cell import StoredCell
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining

KINDS: tuple[type[StoredCell], ...] = (
    StoredLeak,
    StoredTraining,
    StoredLabels,
    StoredLimits,
    StoredIdentification,
)
