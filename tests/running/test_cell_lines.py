"""The line of a cell in a suite: columns below each other, and no time where none is known."""

from bench.running.cell_lines import CellLines

LINES = CellLines(
    [
        ("data=samples data.set=mnist attack=dlg defense=gaussian defense.std=1e-3", ("dlg", "samples-mnist")),
        ("data=samples data.set=mnist attack=inverting_gradients", ("inverting_gradients", "samples-mnist")),
    ]
)


def test_columns_stand_below_each_other_and_say_what_the_names_do_not() -> None:
    first = LINES.line(0, "done", "success at MSE 1e-2: 1.00", 3.14)
    second = LINES.line(1, "not applicable", "it needs labels", None)
    assert first.split() == [
        *("done", "dlg", "samples-mnist", "defense=gaussian", "defense.std=1e-3"),
        *("success", "at", "MSE", "1e-2:", "1.00", "3.1", "s"),
    ]
    assert first.index("samples-mnist") == second.index("samples-mnist")
    assert first.index("success") == second.index("it needs")


def test_a_time_that_is_not_known_is_not_printed() -> None:
    assert LINES.line(1, "failed", "no", None).endswith("no")


def test_a_cell_without_choices_has_no_empty_column() -> None:
    assert (
        CellLines([("the cell", ("dlg", "mnist"))]).line(0, "done", "done", 0.05)
        == "done            dlg  mnist  done  0.1 s"
    )
