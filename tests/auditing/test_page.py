"""An audit as a page: everything that the report says, nothing that it must not show, and no way out."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.page import page
from bench.auditing.report import Audit
from bench.errors import UserError
from bench.report.html.render import hashed

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def leaking() -> Audit:
    """One image, found exactly."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
    image = torch.rand(1, 3, 4, 4)
    return bench.audit(net, (image, torch.tensor([2])), loss=functional.cross_entropy, overrides=("metric=mse",))


@pytest.fixture(scope="module")
def signals() -> Audit:
    """Two signals, of which little is found in five evaluations."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(54, 1))
    batch, few = (torch.randn(2, 2, 20), torch.randn(2, 1)), ("attack.evaluations=5",)
    return bench.audit(net, batch, loss=functional.mse_loss, attack="dlg", overrides=few)


class Words(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text(source: str) -> str:
    body = source[source.index("<body>") :]
    return " ".join(" ".join(Words(body).words).split())


def test_it_says_what_the_report_says(leaking: Audit) -> None:
    words = text(page(leaking, True))
    assert "LEAKS" in words and "1 of 1 image was recovered from the gradient" in words
    for granted in leaking.setting.granted:
        assert granted in words
    assert leaking.targets.sentence in words and leaking.room.sentence[1:] in words
    assert "at most 2 % of that of its best control" in words and "up to 30 %" in words
    assert all(name in words for name in leaking.effort.tried) and "most probable to the attacker" in words
    assert "gaussian" in words and "leakbench train defense=NAME" in words


def test_what_was_left_out_and_what_is_not_known_stand_there(signals: Audit) -> None:
    effort = replace(signals.effort, left_out={"newton": "needs about 9 s"}, cut=True)
    words = text(page(replace(signals, effort=effort), True))
    assert "left out: needs about 9 s" in words and "a larger budget tries more" in words
    assert "no proof of safety" in words and "The budget ended a run before its own end." in words


def test_pictures_are_the_private_and_the_reconstructed_ones(leaking: Audit, signals: Audit) -> None:
    shown, blind = (page(leaking, pictures) for pictures in (True, False))
    assert shown.count("data:image/png") == 2 and "This page contains private data" in shown
    assert "data:image/png" not in blind and "This page contains private data" not in blind
    curves = page(signals, True)
    assert curves.count("<polyline") == 8 and "<polyline" not in page(signals, False)  # 2 inputs, 2 sides, 2 channels


def test_rows_are_shown_as_numbers(leaking: Audit) -> None:
    setting = replace(leaking.setting, kind="rows of a table", noun="row")
    truth = torch.tensor([[0.25, -3.0] + 20 * [0.0]])
    found = replace(leaking, setting=setting, truth=truth, inputs=truth, pictures=None)
    assert "0.25, -3, 0, 0" in page(found, True) and "and 10 more" in page(found, True)
    assert "0.25, -3" not in page(found, False)


def test_a_category_is_shown_as_a_column(leaking: Audit) -> None:
    categories = ((1, 3),)
    setting = replace(leaking.setting, kind="rows of a table", noun="row", shape=(4,), categories=categories)
    truth = torch.tensor([[0.25, 0.0, -3.0, 1.0]])
    words = text(page(replace(leaking, setting=setting, truth=truth, inputs=truth, pictures=None), True))
    assert words.count("0.25, column 3 (of 1, 3), -3") == 2 and "of 4 (2 values and 1 category)" in words


def test_every_word_is_escaped_and_nothing_is_loaded(leaking: Audit) -> None:
    setting = replace(leaking.setting, module=HOSTILE, defense=HOSTILE, granted=(HOSTILE,))
    hostile = replace(leaking, setting=setting, notes=(HOSTILE,), reasons={HOSTILE: HOSTILE})
    source = page(hostile, True)
    assert HOSTILE in text(source) and "script" not in Words(source).tags
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', source)
    (style,) = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    assert hashed(style) in policy.replace("&#39;", "'") and policy.startswith("default-src ")
    assert not re.findall(r'(?:src|href)="(?!data:|https://arxiv)', source) and "http" not in style


def test_a_comparison_is_a_table(leaking: Audit) -> None:
    from bench.auditing.defended import Defended

    lines = (
        Defended("gaussian", "Gaussian (std=0.01)", "noise", "PARTLY", 0, 1, 2, 0.25, "1 of 2 labels are right.", 0.5),
        Defended("dp_sgd", "", "clipped", "NOT AUDITED", reason="needs a gradient for each sample"),
    )
    words = text(page(replace(leaking, defended=lines), False))
    assert "0 recovered, 1 partly, of 2" in words and "needs a gradient for each sample" in words
    assert "1 recovered, 0 partly, of 1" in words  # the step without a defence, on top


def test_it_is_written_whole_into_a_new_folder_or_not_at_all(leaking: Audit, tmp_path: Path) -> None:
    path = leaking.to_html(tmp_path / "new" / "audit.html")
    assert path.read_text(encoding="utf-8") == page(leaking, True)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        leaking.to_html(tmp_path / "file" / "audit.html")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "new"]
