"""The site has a page for each option of seven groups, and the page says what `leakbench list NAME` says."""

import doctest
import re
from pathlib import Path

import option_pages
import pytest
from option_pages import GROUPS, plain

from bench.cli.listing import needs_and_example, value_text
from bench.config import options, paper_section
from bench.config.explain import Explanation, explain

OPTIONS = [(group, name) for group in GROUPS for name in options.entries(group)]
ROOT = Path(__file__).resolve().parents[2]


def made(group: str, name: str, needs: tuple[str, ...] = (), example: str = "") -> tuple[Explanation, str]:
    found = explain(options.entries(group)[name])
    return found, option_pages.page(GROUPS[group], found, list(needs), example)


def shown(markdown: str) -> str:
    """The text without its escapes, as a reader sees it."""
    return re.sub(r"\\(.)", r"\1", markdown)


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_a_page_has_its_title_its_paper_and_every_setting(group: str, name: str) -> None:
    found, page = made(group, name)
    assert shown(page.splitlines()[0]) == f"# {name}"
    assert f"configs/{group}/{name}.yaml" in page
    if group not in ("threat", "suite"):
        paper = page.split("\n## Paper\n")[1].split("\n## ")[0].strip()
        assert paper == "No paper is named for it." if not found.paper else found.paper.split(" (")[0] in shown(paper)
        if "https://" in found.paper:
            assert f"<{found.paper[found.paper.index('https://') :]}>" in paper
    if group != "suite":
        assert re.findall(r"^\| `([^`]+)` \|", page, re.M) == [setting.key for setting in found.settings]
    else:
        cells = [one for one in found.settings if not one.key.startswith("paper.")]
        assert all(value_text(choice) in page for one in cells for choice in found_in(one.value))
        paper = paper_section.of_file(found.file)
        assert ("## Figures of the paper" in page) == (paper is not None)
        for line in paper_section.lines(paper) if paper else ():
            assert f"| {' | '.join(line)} |" in shown(page)


def found_in(value: list) -> list:
    return [choice for axis in value for choice in (axis if isinstance(axis, list) else [axis])]


@pytest.mark.parametrize("name", sorted(set(options.entries("attack")) - {"noise", "mean", "retrieval"}))
def test_every_attack_that_is_no_control_has_a_paper(name: str) -> None:
    """Only the three controls are of no paper; an attack without one would be shown as if leakbench had made it up."""
    _, page = made("attack", name)
    assert re.search(r"<https://(arxiv\.org/abs|doi\.org)/", page.split("\n## Paper\n")[1].split("\n## ")[0])


def test_the_needs_and_the_example_are_those_of_leakbench_list() -> None:
    needs, example = needs_and_example(explain(options.entries("attack")["lamp"]))
    _, page = made("attack", "lamp", tuple(needs), example)
    assert f"```\n{example}\n```" in page and "threat=surrogate" in example
    assert all(f"- {one}" in shown(page) for one in needs) and needs


def test_the_docstring_is_read_by_mkdocstrings_without_the_members_of_its_class() -> None:
    _, page = made("metric", "ssim")
    assert "::: bench.metrics.ssim." in page and "members: false" in page
    _, page = made("metric", "image")  # a set of metrics has no class
    assert ":::" not in page and "How it works" not in page


def test_a_setting_that_must_be_given_says_so() -> None:
    _, page = made("data", "folder")
    assert "| `data.root` | must be given | the folder above the class folders, or one image file |" in page


def test_notes_that_go_on_in_the_next_line_are_one_item() -> None:
    _, page = made("data", "samples")
    assert (
        "(lfw\\_subset: gray faces without identities, so without labels: controls and pictures only)\n- Licence"
        in page
    )
    assert page.splitlines()[2].startswith("Data set: real images")  # the name is in the title already


def test_a_part_is_named_by_its_class_and_the_sentence_on_parts_names_one_of_the_page() -> None:
    _, page = made("attack", "idlg")
    assert "| `attack.direction` | `LBFGS` |" in page and "A value such as `SquaredError` stands for a part" in page
    assert "stands for a part" not in made("defense", "clip")[1]


def test_the_examples_of_the_code_hold() -> None:
    assert doctest.testmod(option_pages) == (0, 2)


def test_options_that_are_brought_along_are_links() -> None:
    _, page = made("data", "cola")
    assert "- `attack=`[dlg_text](../attack/dlg_text.md)" in page


def test_the_list_of_a_group_links_to_each_of_its_pages() -> None:
    explained = [explain(option) for option in options.entries("defense").values()]
    page = option_pages._list(GROUPS["defense"], explained)
    assert re.findall(r"^\| \[(\w+)\]\((\w+)\.md\)", page, re.M) == [(one.name, one.name) for one in explained]
    assert "[defenses.md](../defenses.md)" in page


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a * b_c [x] <y>", r"a \* b\_c \[x\] \<y\>"),
        ("code `a_b|c` stays", "code `a_b|c` stays"),
        ("see docs/speed.md", "see [speed.md](../speed.md)"),
        ("{a: 1} | # b", r"\{a: 1\} \| \# b"),
    ],
)
def test_a_text_is_shown_as_it_is(text: str, markdown: str) -> None:
    assert plain(text) == markdown
