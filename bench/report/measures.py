"""The columns with a number in them, of boards of images and of sentences."""

from dataclasses import dataclass
from typing import Any

from bench.results.intervals import MEAN
from bench.results.things import IMAGES, SENTENCES


@dataclass(frozen=True)
class Measure:
    """A column with a number in it.

    Args:
        key: its name in the csv.
        path: where it stands in the summary of a cell.
        title: words of the header, which name what is estimated.
        better: `up`, `down` or empty.
        unit: as printed, or empty.
        places: digits after the point; None: three significant digits.
        short: words of the header in a terminal; empty where it is not shown there.
        bounds: whether a terminal shows its interval too.
        batches: whether it says anything of its own only where a batch has several examples.
    """

    key: str
    path: tuple[str, ...]
    title: str
    better: str = ""
    unit: str = ""
    places: int | None = None
    short: str = ""
    bounds: bool = False
    batches: bool = False

    def value(self, summary: dict[str, Any]) -> dict[str, Any] | None:
        """The entry of a cell (see `bench.results.summary`), or None; a plain number comes without bounds.

        Args:
            summary: see `bench.results.summary`; None where it has no such score at all.
        """
        found: Any = summary
        for name in self.path:
            found = None if found is None else found.get(name)
        if found is None or isinstance(found, dict):
            return found
        return {"mean": found, "low": None, "high": None, "n": summary["victims"], "estimand": MEAN, "method": None}


_COSTS = (
    Measure("evaluations_per_victim", ("evaluations_per_victim",), "evaluations, mean", "", "per victim", 0),
    Measure("seconds_per_victim", ("seconds_per_victim",), "time, mean", "", "s per victim", short="s/victim"),
)
_LABELS = (
    Measure("label_accuracy", ("label_accuracy",), "label acc., rate", "up", places=2, short="label"),
    Measure("label_overlap", ("label_overlap",), "label overlap, mean", "up", places=2, short="overlap", batches=True),
)
MEASURES: dict[str, tuple[Measure, ...]] = {
    IMAGES: (
        Measure(
            "success_1e-2",
            ("success_rate", "1e-2"),
            "success rate, MSE 1e-2",
            "up",
            places=2,
            short="MSE≤1e-2",
            bounds=True,
        ),
        Measure("success_1e-3", ("success_rate", "1e-3"), "success rate, MSE 1e-3", "up", places=2),
        Measure("success_1e-4", ("success_rate", "1e-4"), "success rate, MSE 1e-4", "up", places=2),
        *_LABELS,
        Measure("mse", ("mse",), "MSE, geometric mean", "down", short="MSE"),
        Measure("psnr", ("psnr",), "PSNR, mean", "up", "dB", 1, short="PSNR"),
        Measure("ssim", ("ssim",), "SSIM, mean", "up", places=3, short="SSIM"),
        Measure("lpips_alex", ("lpips_alex",), "LPIPS alex, mean", "down", places=3),
        Measure("lpips_vgg", ("lpips_vgg",), "LPIPS vgg, mean", "down", places=3, short="LPIPS vgg"),
        *_COSTS,
    ),
    SENTENCES: (
        Measure("rouge_1", ("rouge_1",), "ROUGE-1, mean", "up", places=3, short="ROUGE-1", bounds=True),
        Measure("rouge_2", ("rouge_2",), "ROUGE-2, mean", "up", places=3, short="ROUGE-2"),
        Measure("rouge_l", ("rouge_l",), "ROUGE-L, mean", "up", places=3),
        Measure("exact_match", ("exact_match",), "exact match, rate", "up", places=2, short="exact"),
        Measure("token_accuracy", ("token_accuracy",), "token acc., mean", "up", places=3, short="tokens"),
        Measure("bag_of_words", ("bag_of_words",), "bag of words, mean", "up", places=3, short="bag"),
        Measure("token_set", ("token_set",), "token set, mean", "up", places=3),
        Measure("bleu", ("bleu",), "BLEU, mean", "up", "0 to 100", 1),
        *_LABELS,
        *_COSTS,
    ),
}
