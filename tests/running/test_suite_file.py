"""What the files of suites say, read without composing their cells, which takes seconds."""

import pytest

from bench.config import options
from bench.errors import UserError
from bench.running import suite_file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("grid: []", "grid: want at least one axis"),
        ("grid: [[]]", "grid: want at least one axis"),
        ("grid: [attack=dlg]", "grid=.*want a list"),
        ("gird: [[attack=dlg]]", "unknown key 'gird'; did you mean 'grid'"),
        ("grid: [[attack=dlg]", r"mine\.yaml:\d+: not valid YAML"),
        ("", "want a mapping with the keys grid, overrides"),
        (
            "grid: [[attack=dlg]]\nmeasures: [labels=bias]",
            "measures: 'labels=bias': want an option of the group measure",
        ),
        ("grid: [[attack=dlg]]\nmeasures: [' ']", "measures: ' ': want an option of the group measure"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(text, sentence, tmp_path):
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "mine.yaml").write_text("# mine\n" + text)
    with pytest.raises(UserError, match=sentence):
        suite_file.load("mine", tmp_path)


def test_published_is_quick_and_the_published_settings():
    """Read without composing its cells, which takes seconds."""
    quick, published = suite_file.load("quick"), suite_file.load("published")
    assert published.grid[0] == quick.grid[0] and published.overrides == quick.overrides
    assert set(published.grid[1]) - set(quick.grid[1]) == {"attack=dlg_published", "attack=idlg_published"}
    assert set(quick.grid[1]) < set(published.grid[1]) and not published.also


def test_labels_has_rules_that_serve_batches_and_needs_no_download():
    """Read without composing its cells, which takes seconds. The other rules serve one example, text, or a grant."""
    found = suite_file.load("labels")
    _, sizes, rules = found.grid
    assert sizes == [f"data.batch_size={2**power}" for power in range(9)]
    for_others = {"sign", "bias", "last_layer", "soft", "tokens", "joint", "oracle", "censor"}
    assert {rule.removeprefix("labels=") for rule in rules} == set(options.entries("labels")) - for_others
    assert "data=samples" in found.overrides and all("labels=" in cell and "model=" in cell for cell in found.also)


def test_batches_doubles_the_batch_size_for_each_attack_on_small_sample_images():
    """Inverting Gradients alone is granted the labels: its rule is for batches of one, and DLG infers its own."""
    sizes, attacks = suite_file.load("batches").grid
    assert sizes == [f"data.batch_size={2**power}" for power in range(5)]
    assert attacks == ["attack=dlg", "attack=dlg_in_turn", "attack=inverting_gradients threat=labels_known"]
    assert {"data=samples", "model=lenet"} < set(suite_file.load("batches").overrides)


def test_text_is_read_without_composing_its_cells():
    """Each attack once on its axis; those that need another threat model stand beside the grid, each with its own."""
    text = suite_file.load("text")
    axes = [[word for choice in axis for word in choice.split()] for axis in text.grid]
    assert axes[0] == [f"data.batch_size={size}" for size in (1, 2, 4)] and axes[1] == ["threat=surrogate"]
    tried = ("dlg_text", "dlg_text_adam", "tag", "lamp", "dager", "strongest_text", "noise")
    assert axes[2] == [f"attack={name}" for name in tried]
    assert all("threat=" in cell and "attack=" in cell for cell in text.also)
    assert text.overrides[0] == "data=sentences" and not text.utility
