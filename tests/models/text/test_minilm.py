"""MiniLM: which of its files are lacking, and a line for a folder without them and for a head that it has not."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.models.text.minilm import FILES, MiniLM, missing
from bench.models.text.vocabulary import Vocabulary

WORDS = Vocabulary(None, "wordpiece", 300)


def test_a_file_is_lacking_unless_it_is_a_file(tmp_path: Path) -> None:
    assert missing(tmp_path / "nowhere") == missing(tmp_path) == list(FILES)
    (tmp_path / FILES[0]).write_text("{}")
    (tmp_path / FILES[1]).mkdir()
    assert missing(tmp_path) == list(FILES[1:])


def made(folder: Path, head: str) -> MiniLM:
    return MiniLM(str(folder), WORDS, head, shape=(10,), classes=2, tokenizer=None)  # type: ignore[arg-type]


def test_a_folder_without_its_weights_says_how_to_fetch_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"weights of MiniLM are not in .*; run: leakbench prepare text$"):
        made(tmp_path, "masked")


def test_it_looks_both_ways(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="MiniLM looks both ways; want classification or masked"):
        made(tmp_path, "causal")
