"""Cells of sentences for the page: which words an attack knows by which iteration, written by the real store."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

SENTENCES = (
    "the river ran quietly past the old mill and nobody looked up",
    "she had never believed a word that the captain told her",
    "in the morning the letters lay unopened on the kitchen table",
    "there is nothing so useful as a plan that can be changed",
)


def add_sentences(root: Path, attack: str, number: int, known: Sequence[int], threat: str = "basic") -> StoredLeak:
    """A cell of sentences; of each, `known` says how many words the attack finds by each of four iterations."""
    text = {
        "metrics": {"rouge_1": {"values": [0, 1], "column": {"title": "ROUGE-1", "bounds": True, "direction": "up"}}}
    }
    text["metrics"]["exact_match"] = {
        "column": {"title": "exact match", "estimand": "rate", "places": 2, "short": "exact", "direction": "up"}
    }
    victim_rows, sample_rows = [], []
    for victim, sentence in enumerate(SENTENCES):
        words = sentence.split()
        wrong = ["nobody", "of", "green", "it", "salt", "the", "was", "door", "run", "to", "on", "so"]
        steps = [" ".join([*words[:count], *wrong[count : len(words)]]) for count in known]
        share = known[-1] / len(words)
        victim_rows.append(
            {"victim": victim, "status": "budget", "batch_size": 1, "iterations": 30, "evaluations": 40, "seconds": 1.5}
        )
        row = {"victim": victim, "position": 0, "sample": victim, "label": victim % 2, "label_guess": victim % 2}
        row |= {"text": sentence, "text_guess": steps[-1], "rouge_1": min(1.0, share), "exact_match": float(share >= 1)}
        moments = [[10 * at, step] for at, step in enumerate(steps)]
        sample_rows.append({**row, "text_trace": json.dumps(moments)})
    names = {"attack": attack, "data": "sentences", "model": "bert_tiny", "defense": "none", "threat": threat}
    known_facts = {
        **text,
        "labels": names,
        "threat": {"letter": "B", "grants": {"batch_size": True, "lengths": True}},
        "data": {"modality": "sentences", "classes": 2, "class_names": ["essay", "story"]},
        "config": {"seed": 0, "data": {"batch_size": 1}, "names": names},
    }
    cell = Store(root).cell(StoredLeak, f"{attack}-sentences", f"{number:016x}", known_facts)
    curve = {
        "ids": np.arange(4),
        "curve_at": np.tile([0, 10, 20, 30], (4, 1)),
        "curve": np.tile([2.0, 0.5, 0.1, 0.02], (4, 1)),
    }
    cell.append(victim_rows, sample_rows, curve)
    return cell
