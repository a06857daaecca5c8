"""The page of an audit in a browser: accessible, readable on a phone, and nothing but itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from page_browser import Tab
from torch import nn
from torch.nn import functional

import bench

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "axe" / "axe.min.js"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images behind BatchNorm, with two defences."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 4))
    batch = torch.rand(2, 1, 6, 6), torch.tensor([1, 3])
    few, defenses = ("attack.evaluations=10", "metric=mse"), ["gaussian", "dp_sgd"]
    report = bench.audit(net, batch, loss=functional.cross_entropy, attack="dlg", defenses=defenses, overrides=few)
    return report.to_html(tmp_path_factory.mktemp("audit") / "audit.html")


@pytest.fixture
def opened(chromium: Any, audited: Path) -> Iterator[Any]:
    tabs: list[Tab] = []

    def tab(**options: Any) -> Any:
        tabs.append(Tab(chromium, **options))
        tabs[-1].page.goto(audited.as_uri())
        return tabs[-1].page

    yield tab
    for each in tabs:
        each.close(audited)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(opened: Any, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    # The page's own policy refuses scripts that are added to it; the debugger may run one.
    found = page.evaluate(AXE.read_text(encoding="utf-8") + "\naxe.run(document)")
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found["violations"]] == []


def test_a_phone_scrolls_only_downwards_and_shows_the_pictures(opened: Any) -> None:
    page = opened(viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = page.evaluate("[...document.images].map(one => [one.naturalWidth, one.width])")
    assert len(sizes) == 4 and all(own == 6 and shown >= 90 for own, shown in sizes)
