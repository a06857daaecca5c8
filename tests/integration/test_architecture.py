"""docs/architecture.md tells the truth: what it names exists, and it names every room of bench/ in their order."""

import re
from pathlib import Path

import pytest
from contracts.test_imports import ORDER

from bench.attacks.base import Attack
from bench.client import Client
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:bench|datamodules|configs|tests|docs)/[^`\s]*)`", PAGE)))
ROOMS = re.findall(r"^\| `([\w.]+)/?` \|", PAGE.split("\n## The rooms of bench/\n")[1].split("\n## ")[0], re.M)


@pytest.mark.parametrize("path", NAMED)
def test_what_is_named_exists(path: str) -> None:
    there = ROOT / path
    assert there.is_dir() if path.endswith("/") else there.is_file()


def test_every_room_is_there_in_the_order_in_which_they_may_import() -> None:
    bench = [
        path for path in (ROOT / "bench").iterdir() if not path.name.startswith(("_", ".")) and path.name != "configs"
    ]
    assert len(NAMED) > 30
    assert set(ROOMS) == {path.name for path in bench}
    assert [room.removesuffix(".py") for room in ROOMS] == ORDER


def test_links_lead_somewhere() -> None:
    for name in ("CONTRIBUTING.md", "docs/architecture.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))):
        text = (ROOT / name).read_text()
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"


def test_the_picture_names_what_the_code_has() -> None:
    steps = re.search(r"datamodule --(\w+)--> client\.(\w+) --(\w+)--> attack\.(\w+) --(\w+)-->", PAGE)
    assert steps
    victims, share, observation, reconstruct, reconstruction = steps.groups()
    assert hasattr(Client, share) and hasattr(Attack, reconstruct)
    modules = {Victims: victims, Observation: observation, Reconstruction: reconstruction}
    assert all(kind.__name__ == name for kind, name in modules.items())
