"""Price and leak joined: worst case, ranks, the front, and what belongs together."""

import numpy as np
import pytest

from bench.results.join import boards, front
from bench.results.prices import Prices, prices
from bench.results.query import cells
from bench.results.store import Store

CONFIG = {"seed": 0, "model": {"width": 12}, "data": {"victims": 8, "split": "test"}}


def node(family, **settings):
    return {} if family == "none" else {"_target_": family, "version": 1, **settings}


def add(root, number, attack, defense, mse, threat="basic", control=False, known=False, **settings):
    """A cell of eight victims with these errors."""
    words = f"{defense} ({', '.join(f'{k}={v}' for k, v in settings.items())})" if settings else defense
    labels = {"attack": attack, "data": "mnist", "model": "lenet", "defense": words, "threat": threat}
    grants = {"labels": False, "defense_known": known}
    facts = {
        "labels": labels,
        "config": {**CONFIG, "defense": node(defense, **settings)},
        "threat": {"letter": "B", "grants": grants},
        "control": control,
    }
    cell = Store(root).cell(f"{attack}-{number}", f"{number:016x}", facts)
    values = np.broadcast_to(mse, 8)
    victims = [{"victim": v, "status": "budget", "batch_size": 1} for v in range(8)]
    samples = [
        {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, "mse": float(values[v])}
        for v in range(8)
    ]
    cell.append(victims, samples)


def price(root, number, defense, rate, data="mnist", model="tanh", **settings):
    labels = {"data": data, "model": model, "defense": defense, "training": "held_out"}
    config = {
        **CONFIG,
        "model": {"name": model},
        "defense": node(defense, **settings),
        "training": {"lr": 0.1, "runs": 1},
    }
    facts = {"labels": labels, "config": config, "schedule": "SGD, lr 0.1"}
    row = {"run": 0, "status": "trained", "correct": int(1000 * rate), "tested": 1000, "steps": 10, "seconds": 1.0}
    Prices(root).cell(defense, f"{number:016x}", facts).append({**row, "bytes_per_step": 100, "sampling": "shuffle"})


@pytest.fixture
def root(tmp_path):
    add(tmp_path, 0, "dlg", "none", 1e-5)
    add(tmp_path, 1, "cosine", "none", 1e-3)
    add(tmp_path, 2, "dlg", "pruning", 0.2)  # stops one attack, and not the other
    add(tmp_path, 3, "cosine", "pruning", 1e-5)
    add(tmp_path, 4, "dlg", "noise", 0.05, std=0.1)
    add(tmp_path, 5, "cosine", "noise", 0.05, std=0.1)
    add(tmp_path, 6, "dlg", "noise", 1e-2, std=0.01)
    add(tmp_path, 7, "mean", "none", 0.06, control=True)
    price(tmp_path, 0, "none", 0.95)
    price(tmp_path, 1, "pruning", 0.94)
    price(tmp_path, 2, "noise", 0.5, std=0.1)
    return tmp_path


def board_of(root):
    (found,) = boards(cells(root).cells, prices(root)[0])
    return found


def test_a_defence_is_ranked_by_the_attack_that_gets_most(root):
    board = board_of(root)
    assert [(line.title, line.worst.attack, line.rank) for line in board.lines] == [
        ("noise std 0.1", "cosine", 1),
        ("noise std 0.01", "dlg", 2),
        ("none", "dlg", 3),
        ("pruning", "cosine", 3),  # as complete a leak as none
    ]
    assert board.lines[1].p == pytest.approx(2 / 2**8)
    assert board.undefended.worst.mean == 40.0 and board.attacks[0] == "cosine" and board.floored


def test_noise_beyond_the_mean_image_is_no_better(root):
    add(root, 8, "dlg", "noise", 0.5, std=1.0)
    top = {line.title: line for line in board_of(root).lines}["noise std 1"]
    assert top.worst.mean == pytest.approx(-10 * np.log10(0.06)) and top.rank == 1


def test_ranks_are_shared_where_victims_disagree(root):
    better = np.where(np.arange(8) % 2, 0.04, 0.055)  # half of the victims either way: less on average, not separated
    add(root, 8, "dlg", "dropout", better)
    ranks = {line.title: line.rank for line in board_of(root).lines}
    assert ranks["noise std 0.1"] == ranks["dropout"] == 1 and ranks["noise std 0.01"] == 3


def test_prices_are_joined_by_defence_and_data_and_the_front_is_what_nobody_beats(root):
    price(root, 9, "none", 0.1, data="cifar10")
    board = board_of(root)
    found = {line.title: line.price["accuracy"]["mean"] if line.price else None for line in board.lines}
    assert found == {"none": 0.95, "pruning": 0.94, "noise std 0.1": 0.5, "noise std 0.01": None}
    assert [line.title for line in front(board.lines)] == ["none", "noise std 0.1"]
    assert board.prices == "tanh, SGD, lr 0.1"


def test_two_ways_of_pricing_are_two_boards(root):
    price(root, 9, "none", 0.99, model="relu")
    found = boards(cells(root).cells, prices(root)[0])
    assert sorted(board.undefended.price["accuracy"]["mean"] for board in found) == [0.95, 0.99]


def test_an_adaptive_attacker_stands_in_the_same_board_and_other_grants_do_not(root):
    add(root, 8, "dlg_known", "noise", 1e-5, threat="adaptive", known=True, std=0.1)
    board = board_of(root)
    line = {line.title: line for line in board.lines}["noise std 0.1"]
    assert line.worst.attack == "dlg_known" and line.rank == 2 and board.threats == ["adaptive", "basic"]


def test_one_defence_alone_is_no_board(tmp_path):
    add(tmp_path, 0, "dlg", "none", 1e-5)
    add(tmp_path, 1, "idlg", "none", 1e-5)
    assert boards(cells(tmp_path).cells, []) == []
