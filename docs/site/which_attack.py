"""Makes the tables of docs/exact-attacks.md: what each attack needs, which models it serves, and what was measured.

The first table has what the attacks declare as their needs, and the figures of docs/exact.csv, which `leakbench table`
wrote. The second table has what the attacks answer to a gradient of each model. The third has the cells of this file.

    python docs/site/which_attack.py        # writes the tables into the page
"""

from collections.abc import Iterator
from pathlib import Path

from made_tables import DOCS, between, line
from made_tables import read as read_rows
from torch import nn

from bench.attacks.base import Attack, in_words
from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.running.components import build

PAGE, MEASURED = DOCS / "exact-attacks.md", DOCS / "exact.csv"
BEGIN = "<!-- made by docs/site/which_attack.py -->"
CELLS = "<!-- cells, made by docs/site/which_attack.py -->"
MODELS = (
    "mlp_wide",
    "mlp_wide model.activation=sigmoid",
    "lenet",
    "lenet5",
    "cnn6",
    "convnet16",
    "resnet20",
    "vit_tiny",
    "vit_tiny model.first_norm=false model.first_skip=false",
)
_BATCH = 4
_FIGURES = "measured: images with an MSE of 1e-4 or less, time per victim"
# What a threat model grants beside the model and the gradient; all other needs are of the model and the update.
_GRANTS = {
    "batch_size": "batch size",
    "buffers": "buffers",
    "classes": "number of classes",
    "input_range": "range of inputs",
    "known_update": "the defences",
    "labels": "labels",
    "public_images": "images of the same kind",
}


def attacks() -> dict[str, Attack]:
    """The attacks on images that are no controls, by the shortest name that each class has."""
    engine = EngineSettings(chunk=1, threads=1, compile=False, precision="float32")
    found: dict[type, tuple[str, Attack]] = {}
    for name in sorted((n for n in options.entries("attack") if not n.startswith("_")), key=lambda n: (len(n), n)):
        node = compose([f"attack={name}"]).attack
        attack = None if node.control else instantiate(node, "attack", engine=engine)
        if attack is None or attack.of_sentences is not False or attack.needs & {"columns", "series"}:
            continue
        if type(attack) not in found:
            found[type(attack)] = name, attack
    return dict(sorted(found.values()))


def needs_row(name: str, attack: Attack, measured: dict[str, list[str]]) -> list[str]:
    """One row of the table of needs.

    Args:
        name: of the attack.
        attack: built.
        measured: see `read`.
    """
    granted = [words for need, words in _GRANTS.items() if need in attack.needs]
    other = in_words(attack.needs - set(_GRANTS) - {"batch_of_one"})
    batch = "one" if "batch_of_one" in attack.needs else "any"
    figures = "<br>".join(measured.get(name, [])) or "not in this suite"
    return [f"`{name}`", batch, ", ".join(granted) or "nothing", "; ".join(other) or "nothing", figures]


def layers(model: nn.Module) -> str:
    """The kinds of layers and activations of a model, in the order in which they first occur."""
    leaves = [type(module).__name__ for module in model.modules() if not any(module.children())]
    return ", ".join(dict.fromkeys(kind for kind in leaves if kind not in ("Identity", "Flatten")))


def serves(attack: Attack, seen: Observation) -> bool:
    """Whether the attack takes this observation."""
    try:
        attack.check(seen)
    except NotApplicable:
        return False
    return True


def model_row(model: str, known: dict[str, Attack]) -> list[str]:
    """One row of the table of models: which attacks take a batch of one, and which a larger one.

    Args:
        model: an option of `model`, with settings behind it.
        known: see `attacks`.
    """
    row = [f"`model={model}`"]
    for size in (1, _BATCH):
        words = ["attack=noise", *f"model={model}".split(), f"data.batch_size={size}", "metric=mse", "logger=none"]
        parts = build(compose(words))
        seen = parts.client.share(parts.data.deal([0]))
        if size == 1:
            row.append(layers(parts.client.model))
        row.append(", ".join(f"`{name}`" for name, attack in known.items() if serves(attack, seen)) or "none")
    return row


def read(file: Path) -> dict[str, list[str]]:
    """What was measured, in words: `{attack: one line per cell}`. Cells without figures are left out.

    Args:
        file: CSV, a table with the columns `attack`, `model`, `B`, `success_1e-4` and `seconds_per_victim`.
    """
    found: dict[str, list[str]] = {}
    for row in read_rows(file):
        if row["success_1e-4"] and row["seconds_per_victim"]:
            found.setdefault(row["attack"].split(" ")[0], []).append(_line(row))
    return found


def _line(row: dict[str, str]) -> str:
    share, seconds = float(row["success_1e-4"]), float(f"{float(row['seconds_per_victim']):.1g}")
    model = row["model"].split(" ")[0]
    return f"`{model}`, B = {row['B']}: {100 * share:.0f} % of {row['success_1e-4_n']} images, {seconds:g} s"


def cell_rows(file: Path) -> list[list[str]]:
    """The rows of the table of cells, by model, batch size, and what came back; a refused cell has no figures.

    Args:
        file: see `read`; it also has the columns `victims`, `failed` and `psnr`.
    """
    found = sorted(read_rows(file), key=lambda row: (row["model"], int(row["B"])))
    rows = []
    for row in found:
        head = [f"`{row['attack'].split(' ')[0]}`", row["model"], row["B"]]
        if not row["success_1e-4"]:
            rows.append([*head, "refused", *[""] * 4])
            continue
        share, seconds = f"{float(row['success_1e-4']):.2f}", f"{float(row['seconds_per_victim']):.1g}"
        psnr = f"{float(row['psnr']):.0f}" if row["psnr"] else "n/a"
        rows.append([*head, row["victims"], row["failed"], share, psnr, f"{float(seconds):g}"])
    return rows


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """The lines of a Markdown table.

    Args:
        head: the titles of the columns.
        rows: as many entries each.
    """
    yield line(*head)
    yield f"|{' --- |' * len(head)}"
    yield from (line(*row) for row in rows)


def tables() -> str:
    """Both tables, with the heading of the second between them."""
    known, measured = attacks(), read(MEASURED)
    needs = table(
        [
            "attack",
            "batch size",
            "must be granted",
            "the model and the update must have",
            "measured: images with an MSE of 1e-4 or less, time per victim",
        ],
        [needs_row(name, attack, measured) for name, attack in known.items()],
    )
    head = ["model", "layers", "batches of one", "larger batches"]
    return "\n".join([*needs, "", *table(head, [model_row(model, known) for model in MODELS])])


def cells() -> str:
    """The table of cells."""
    head = ["attack", "model", "B", "victims", "failed", "images with an MSE of 1e-4 or less", "PSNR (dB)"]
    return "\n".join(table([*head, "seconds per victim"], cell_rows(MEASURED)))


def main() -> None:
    """Writes the tables into the page, between their marks."""
    page = PAGE.read_text()
    for mark, made in ((BEGIN, tables()), (CELLS, cells())):
        page = between(page, mark, made)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
