"""Start and end tokens stand in their places from the first step to the last, as in the code of LAMP's authors."""

import torch
from sentence_cells import parties

from bench.engine.directions import Gradient
from bench.engine.loop import Minimiser
from bench.engine.steps import Fixed
from bench.engine.stops import Tolerances

QUICK = ("attack=tag", "threat=embedding_frozen", "data.batch_size=2", "engine.dtype=float64")


def test_only_words_move() -> None:
    """Three steps of gradient descent in the attack's own objective: the embeddings of words move, no others do."""
    built = parties(*QUICK)
    seen = built.client.share(built.data.deal([0, 3]))
    attack, layout = built.attack, built.attack._layout(seen)
    start = torch.stack([attack.start_of(seen, 0, i) for i in range(2)])
    table, (first, last) = seen.parameters[seen.task.language.embedding], seen.task.language.tokenizer.encode("")
    embedded, _ = layout.split(start)
    moves = seen.mask.clone()
    for v, b in [(v, b) for v in range(2) for b in range(2)]:
        end = int(seen.mask[v, b].sum()) - 1
        assert torch.equal(embedded[v, b, 0], table[v, first].double())
        assert torch.equal(embedded[v, b, end], table[v, last].double())
        moves[v, b, [0, end]] = False
    objective = attack._minimised(attack._matching(seen, layout, None), layout, seen)
    rule = Minimiser(Gradient(), Fixed(0.1), Tolerances(3, 9, 0.0, 0.0, None, 0.0), "last")
    for group in rule.run(objective, lambda v: start[v], 2, 2, None):
        for one in group:
            after, logits = layout.split(one.x.unsqueeze(0))
            changed = (after[0] != embedded[one.victim]).any(-1)
            assert torch.equal(changed, moves[one.victim])
            assert logits is not None and (logits[0] != layout.split(start)[1][one.victim]).all()
