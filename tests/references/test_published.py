"""`idlg_published` against the loop it stands for, run to its end on the same victims and dummies."""

import pytest
from references import sequential

from bench.results.intervals import wilson

VICTIMS = 4  # of each set; the plain loop takes a minute or two for each


@pytest.mark.slow
def test_idlg_published_succeeds_as_often_as_torchs_loop(parties) -> None:
    """Rounding grows along a path, so single victims may end differently; the rates must not."""
    ours, theirs = [], []
    for data in ("cifar10", "cifar100"):
        built = parties("attack=idlg_published", f"data.set={data}")
        victims = built.data.deal(range(VICTIMS))
        seen = built.client.share(victims)
        labels = built.attack.labels(seen)
        for claim in built.attack.reconstruct(seen, 0):
            for i, victim in enumerate(claim.ids.tolist()):
                error = (claim.inputs[i].clamp(0, 1) - victims.inputs[victim]).square().mean().item()
                ours.append((data, victim, error < 1e-2 and not claim.status[i].failed))
        for victim in range(VICTIMS):
            start = built.attack.start_of(seen, 0, victim)
            z = sequential.published(seen, victim, labels, built.client.model, start, steps=300)
            error = (
                (z.reshape(victims.inputs[victim].shape).nan_to_num(1e9).clamp(0, 1) - victims.inputs[victim])
                .square()
                .mean()
                .item()
            )
            theirs.append((data, victim, error < 1e-2))
    won, reference = sum(w for *_, w in ours), sum(w for *_, w in theirs)
    print(
        f"published: {won} of {len(ours)}; loop of torch.optim.LBFGS: {reference} of {len(theirs)}; "
        f"the same outcome on {len(set(ours) & set(theirs))}"
    )
    low, high = wilson(reference, len(theirs))
    assert low <= won / len(ours) <= high
    low, high = wilson(won, len(ours))
    assert low <= reference / len(theirs) <= high
    assert len(set(ours) & set(theirs)) >= 0.7 * len(ours)
