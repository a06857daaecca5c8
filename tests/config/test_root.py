"""Protects: the ranges of the keys that no constructor checks, each with a message that begins with the key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.root import EngineConfig, ReportConfig, Trainer

ENGINE = {"chunk": None, "compile": "auto", "threads": None, "dtype": "float32", "tf32": False}
TRAINER = {
    **{"accelerator": "auto", "devices": 1, "num_nodes": 1, "strategy": "auto", "precision": "32-true"},
    **{"inference_mode": False, "deterministic": False, "enable_model_summary": False, "enable_checkpointing": False},
}
REPORT = {"images": 0, "reconstructions": "all"}
MOST = 65_536


def refused(kind: type, values: dict[str, Any]) -> str:
    try:
        kind(**values)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("kind", "values", "key", "least", "most"),
    [
        (EngineConfig, ENGINE, "chunk", 1, None),
        (EngineConfig, ENGINE, "threads", 1, None),
        (ReportConfig, REPORT, "images", 0, None),
        (Trainer, TRAINER, "num_nodes", 1, MOST),
        (Trainer, TRAINER, "devices", 1, MOST),
    ],
)
@given(number=st.integers(-5, 5) | st.integers(MOST - 2, MOST + 2))
def test_a_count_lies_between_its_bounds(
    kind: type, values: dict[str, Any], key: str, least: int, most: int | None, number: int
) -> None:
    said = refused(kind, {**values, key: number})
    if (key, number) == ("devices", -1) or (least <= number and (most is None or number <= most)):
        assert said == ""  # -1 devices are all of them
    else:
        bound = f">= {least}" if number < least else f"<= {MOST:,}"
        assert said.startswith(f"{key}={number}: must be {bound} (")


@pytest.mark.parametrize(("name", "values"), [("chunk", ENGINE), ("threads", ENGINE)])
def test_nothing_lets_the_engine_choose(name: str, values: dict[str, Any]) -> None:
    assert getattr(EngineConfig(**values), name) is None


@given(st.lists(st.integers(-2, 3), max_size=4), st.sampled_from(["auto", "gpu", "cuda", "cpu"]))
def test_a_list_of_devices_names_each_gpu_once_and_no_processor(numbers: list[int], accelerator: str) -> None:
    said = refused(Trainer, {**TRAINER, "devices": numbers, "accelerator": accelerator})
    shown = ",".join(str(number) for number in numbers)
    if not numbers or any(number < 0 for number in numbers):
        assert said == f"devices=[{shown}]: want the numbers of GPUs, from 0"
    elif len(set(numbers)) < len(numbers):
        assert said == f"devices=[{shown}]: names a GPU twice"
    else:
        assert said.startswith(f"devices=[{shown}]: GPUs have numbers") == bool(said) == (accelerator == "cpu")
