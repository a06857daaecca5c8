"""Price and leak joined: worst case, ranks, the front, and what belongs together."""

import numpy as np
import pytest

from bench.results import store
from bench.results.join import boards, front
from bench.results.query import cells
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining

CONFIG = {"seed": 0, "model": {"width": 12}, "data": {"victims": 8, "split": "test"}}


def node(family, **settings):
    return {} if family == "none" else {"_target_": family, "version": 1, **settings}


def add(root, number, attack, defense, mse, threat="basic", control=False, known=False, metric="mse", **settings):
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
    cell = Store(root).cell(StoredLeak, f"{attack}-{number}", f"{number:016x}", facts)
    values = np.broadcast_to(mse, 8)
    victims = [{"victim": v, "status": "budget", "batch_size": 1} for v in range(8)]
    samples = [
        {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, metric: float(values[v])}
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
    Store(root).cell(StoredTraining, defense, f"{number:016x}", facts).append(
        {**row, "bytes_per_step": 100, "sampling": "shuffle"}
    )


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
    (found,) = boards(cells(root).cells, store.cells(root, StoredTraining)[0])
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


def test_an_attack_without_the_metric_of_the_leak_has_no_figure_and_no_rank(root):
    """Its cells are no worst case, and what to do about it is said."""
    add(root, 8, "idlg", "none", 1e-5, metric="psnr")
    add(root, 9, "idlg", "pruning", 1e-5, metric="psnr")
    board = board_of(root)
    (none,) = [line for line in board.lines if line.title == "none"]
    assert none.unserved == {"idlg": "mse was not computed; leakbench rescore adds it"}
    assert none.worst.attack == "dlg" and "idlg" not in {leak.attack for leak in none.leaks}


def test_no_board_if_nothing_was_measured(tmp_path):
    add(tmp_path, 0, "idlg", "none", 1e-5, metric="psnr")
    add(tmp_path, 1, "idlg", "pruning", 1e-5, metric="psnr")
    assert boards(cells(tmp_path).cells, []) == []


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
    found = {line.title: line.utility["accuracy"]["mean"] if line.utility else None for line in board.lines}
    assert found == {"none": 0.95, "pruning": 0.94, "noise std 0.1": 0.5, "noise std 0.01": None}
    assert [line.title for line in front(board.lines)] == ["none", "noise std 0.1"]
    assert board.training == "tanh, SGD, lr 0.1"


def test_two_ways_of_training_are_two_boards(root):
    price(root, 9, "none", 0.99, model="relu")
    found = boards(cells(root).cells, store.cells(root, StoredTraining)[0])
    assert sorted(board.undefended.utility["accuracy"]["mean"] for board in found) == [0.95, 0.99]


def test_an_adaptive_attacker_stands_in_the_same_board_and_other_grants_do_not(root):
    add(root, 8, "dlg_known", "noise", 1e-5, threat="adaptive", known=True, std=0.1)
    board = board_of(root)
    line = {line.title: line for line in board.lines}["noise std 0.1"]
    assert line.worst.attack == "dlg_known" and line.rank == 2 and board.threats == ["adaptive", "basic"]


@pytest.mark.parametrize("order", [(1e-5, 1e-1), (1e-1, 1e-5)])
def test_of_two_cells_of_one_name_the_one_that_leaks_more_counts_and_it_is_told(tmp_path, order):
    """Two versions of an attack have one name: neither takes the place of the other silently."""
    for number, mse in enumerate(order):
        add(tmp_path, number, "dlg", "none", mse)
    add(tmp_path, 2, "dlg", "pruning", 0.2)
    board = board_of(tmp_path)
    line = board.undefended
    assert line.doubled == ("dlg",) and len(line.leaks) == 1
    assert line.worst.cell.identity == f"{order.index(1e-5):016x}"
    (other,) = [one for one in board.lines if one is not line]
    assert other.doubled == ()


def test_one_defence_alone_is_no_board(tmp_path):
    add(tmp_path, 0, "dlg", "none", 1e-5)
    add(tmp_path, 1, "idlg", "none", 1e-5)
    assert boards(cells(tmp_path).cells, []) == []


def tell(root, number, attack, defense, rouge, model="bert_tiny", control=False, batch=1, **settings):
    """A cell of eight victims of one sentence with these scores."""
    words = f"{defense} ({', '.join(f'{k}={v}' for k, v in settings.items())})" if settings else defense
    facts = {
        "labels": {"attack": attack, "data": "cola", "model": model, "defense": words, "threat": "embedding_frozen"},
        "config": {
            **CONFIG,
            "model": {"name": model},
            "data": {"batch_size": batch},
            "defense": node(defense, **settings),
        },
        "threat": {"letter": "B", "grants": {"labels": False, "word_embedding": False}},
        "data": {"modality": "sentences"},
        "control": control,
    }
    cell = Store(root).cell(StoredLeak, f"{attack}-{number}", f"{number:016x}", facts)
    values = np.broadcast_to(rouge, 8)
    victims = [{"victim": v, "status": "budget", "batch_size": 1} for v in range(8)]
    samples = [{"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0} for v in range(8)]
    scores = [{"rouge_1": float(x), "exact_match": float(x == 1)} for x in values]
    cell.append(victims, [{**sample, **score} for sample, score in zip(samples, scores)])


def test_sentences_are_ranked_by_the_words_that_came_back_and_need_no_price(root):
    """In a board of their own beside that of images; noise of the same vocabulary bounds what a defence can reach."""
    tell(root, 20, "dlg_text", "none", 1.0)
    tell(root, 21, "dlg_text", "noise", 0.02, std=0.1)
    tell(root, 22, "dlg_text", "noise", 0.03, std=1.0)
    tell(root, 23, "dlg_text", "pruning", 0.6)
    tell(root, 24, "noise", "none", 0.05, control=True)
    tell(root, 25, "noise", "none", 0.9, control=True, model="minilm")  # another vocabulary: not its floor
    images, board = sorted(
        boards(cells(root).cells, store.cells(root, StoredTraining)[0]), key=lambda found: found.data, reverse=True
    )
    assert (images.scale.name, board.scale.name, board.batch, board.floored) == ("PSNR", "ROUGE-1", 1, True)
    assert board.training is None and all(line.utility is None for line in board.lines)
    found = {line.title: (line.rank, pytest.approx(line.worst.mean), line.worst.success.mean) for line in board.lines}
    assert found == {
        "noise std 0.1": (1, 0.05, 0.0),
        "noise std 1": (1, 0.05, 0.0),
        "pruning": (3, 0.6, 0.0),
        "none": (4, 1.0, 1.0),
    }


def test_batches_of_another_size_are_another_board(tmp_path):
    for batch in (1, 2):
        tell(tmp_path, 2 * batch, "dlg_text", "none", 1.0, batch=batch)
        tell(tmp_path, 2 * batch + 1, "dlg_text", "pruning", 0.5, batch=batch)
    assert sorted(board.batch for board in boards(cells(tmp_path).cells, [])) == [1, 2]


def test_a_class_of_ours_that_has_moved_is_the_same_defence(tmp_path):
    """A cell that was stored before the move stands on the board of those stored after it, in the same line."""
    add(tmp_path, 0, "dlg", "none", 1e-4)
    add(tmp_path, 1, "dlg", "bench.defenses.noise.Gaussian", 1e-2, std=0.1)
    add(tmp_path, 2, "idlg", "bench.defenses.noises.gaussian.Gaussian", 1e-2, std=0.1)
    (board,) = boards(cells(tmp_path).cells, [])
    (noise,) = [line for line in board.lines if line.title != "none"]
    assert sorted(leak.attack for leak in noise.leaks) == ["dlg", "idlg"]
