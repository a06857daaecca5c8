"""The cells of a suite in the hands of their executor, and what came of each."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from bench.config.instantiate import instantiate
from bench.results.stored_training import StoredTraining
from bench.running.cell_lines import CellLines
from bench.running.executor import NOT_APPLICABLE, UNWRITABLE, Executor, Result, Results
from bench.running.kind import in_a_word, kind_of
from bench.running.suite import Planned, titled
from bench.running.suite_trainings import forget_awaited, refused
from bench.terminal.printable import visible, visible_lines
from bench.terminal.progress import bars, console


@dataclass
class Outcome:
    """What a suite came to: documents of the cells that ran, {title: reason} of those that do not apply or failed."""

    cells: list[dict[str, Any]] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def run(cells: list[Planned], record: Callable[..., None]) -> Outcome:
    """Hands the cells to their executor; one that fails does not stop the others.

    Args:
        cells: of `plan`.
        record: `(config, status, reason)` keeps on record that a cell as a whole has no result.

    Returns:
        What came of each, in the order of the cells.

    Raises:
        UserError: the executor cannot run them at all; `Unwritable`: nor can any result be stored.
    """
    executor: Executor = instantiate(cells[0].config.executor, "executor")
    lines = CellLines([(cell.title, _names(cell.config)) for cell in cells])
    results: dict[int, Result] = {}
    with bars() as progress, closing(_results(executor, cells)) as running:
        bar = progress.add_task("cells", total=len(cells), note="")
        for index, result in running:
            if result.status == UNWRITABLE:
                result.unwrap()
            cell, results[index] = cells[index], result
            state, came = _told(cell, result, record)
            text = f"cell {len(results)} of {len(cells)}  {lines.line(index, state, came, result.seconds)}"
            console.print(visible(text), markup=False, soft_wrap=True)
            progress.update(bar, advance=1, note=visible(cell.title))
    return _outcome(cells, results)


def _results(executor: Executor, cells: Sequence[Planned]) -> Results:
    """What came of each cell: first of the trainings whose weights others use, then of the others.

    A cell whose training did not store its weights is not run, and says why.
    """
    first = [index for index, cell in enumerate(cells) if cell.first]
    ended: dict[int, Result] = {}
    for index, result in _executed(executor, cells, first):
        ended[id(cells[index].config)] = result
        yield index, result
    for root in {cells[index].config.results for index in first}:
        forget_awaited(Path(root))
    ready = []
    for index, cell in enumerate(cells):
        weights = cell.weights
        why = refused(weights, cell.config.model.checkpoint, ended[id(weights.training)]) if weights else None
        if why:
            yield index, why
        elif not cell.first:
            ready.append(index)
    # A training can take longer than any other cell: begun last, it would run on with nothing beside it.
    ready.sort(key=lambda index: kind_of(cells[index].config) is not StoredTraining)
    yield from _executed(executor, cells, ready)


def _executed(executor: Executor, cells: Sequence[Planned], chosen: Sequence[int]) -> Results:
    """What came of the chosen cells, as they end."""
    if chosen:
        with closing(executor.run([cells[index].config for index in chosen])) as running:
            for place, result in running:
                yield chosen[place], result


def _names(cfg: DictConfig) -> tuple[str, str]:
    """What the attack and the data set are called; of a training `training` in place of the attack."""
    config = titled(cfg)
    kind = kind_of(cfg)
    return config["names"]["attack"] if "attack" in kind.labels else kind.kind, config["names"]["data"]


def _told(cell: Planned, result: Result, record: Callable[..., None]) -> tuple[str, str]:
    """Keeps a failure on record; the state of the cell, and what came of it in a few words."""
    if result.document is not None:
        if why := result.document.get("reasons", {}).get("cell"):  # the cell has it on record itself
            return "failed", why
        return "done", in_a_word(result.document)
    if result.trace:
        console.print(visible_lines(result.trace), style="dim", markup=False)
    if result.status == NOT_APPLICABLE:
        record(cell.config, "not_applicable", result.reason)
        return "not applicable", result.reason
    record(cell.config, "error", result.reason)
    return "failed", result.reason


def _outcome(cells: list[Planned], results: dict[int, Result]) -> Outcome:
    outcome = Outcome()
    for index, cell in enumerate(cells):
        result = results[index]
        if result.document is not None:
            outcome.cells.append(result.document)
            if why := result.document.get("reasons", {}).get("cell"):
                outcome.failed[cell.title] = why
        elif result.status == NOT_APPLICABLE:
            outcome.not_applicable[cell.title] = result.reason
        else:
            outcome.failed[cell.title] = result.reason
    return outcome
