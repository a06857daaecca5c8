"""Cells of a sweep are told apart by what differs between them, and by nothing else."""

from bench.results.differences import differing, settings


def test_only_what_differs_is_named_once_by_its_shortest_key() -> None:
    one = {"seed": 0, "attack": {"lr": 1.0, "step": {"lr": 1.0}}, "data": {"batch_size": 1, "seed": 0}, "results": "a"}
    other = {
        "seed": 1,
        "attack": {"lr": 0.5, "step": {"lr": 0.5}},
        "data": {"batch_size": 4, "seed": 1},
        "results": "b",
    }
    assert differing([one, other]) == [
        {"seed": "0", "B": "1", "lr": "1.0"},
        {"seed": "1", "B": "4", "lr": "0.5"},
    ]


def test_two_settings_with_one_last_word_keep_their_whole_keys() -> None:
    cells = [{"attack": {"lr": 1}, "model": {"lr": 2}}, {"attack": {"lr": 3}, "model": {"lr": 2}}, {"model": {"lr": 5}}]
    assert set(differing(cells)[0]) == {"attack.lr", "model.lr"}


def test_a_cell_alone_differs_in_nothing() -> None:
    assert differing([{"seed": 3}]) == [{}]


def test_the_number_of_victims_and_where_things_lie_are_no_settings() -> None:
    config = {"data": {"victims": 8, "root": "x", "seed": 1}, "paths": {"data": "d"}, "seed": 1}
    assert settings(config) == {"data.seed": 1, "seed": 1}
    assert settings(config, seeds=False) == {}
