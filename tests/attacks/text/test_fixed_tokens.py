"""Places whose tokens are known have no slope, whichever victim is in a slot; all else is as it was."""

import torch

from bench.attacks.text.fixed_tokens import FixedTokens

B, T, D, LOGITS = 2, 3, 4, 5
FIXED = torch.rand(4, B, T, generator=torch.Generator().manual_seed(0)) < 0.5


class Slopes:
    """Stands where a matching does: a value of 1, and a slope of the victim's number + 1 in every entry."""

    compiled_slots = 7

    def load(self, victims):
        self.victims = victims.clone()

    def replace(self, slots, victims):
        self.victims[slots] = victims

    def __call__(self, z):
        return torch.ones(len(z)), (1.0 + self.victims).unsqueeze(1).expand_as(z).clone()


def assert_fixed(objective: FixedTokens, victims: list[int]) -> None:
    values, g = objective(torch.zeros(len(victims), B * T * D + LOGITS))
    assert values.tolist() == [1.0] * len(victims)
    for row, victim in zip(g, victims):
        words = row[: B * T * D].view(B, T, D)
        assert (words[FIXED[victim]] == 0).all() and (words[~FIXED[victim]] == victim + 1).all()
        assert (row[B * T * D :] == victim + 1).all()  # label logits are free


def test_a_slot_has_the_fixed_places_of_the_victim_in_it() -> None:
    assert len({tuple(rows.flatten().tolist()) for rows in FIXED}) == 4
    objective = FixedTokens(Slopes(), D, FIXED)
    objective.load(torch.tensor([2, 0]))
    assert_fixed(objective, [2, 0])
    objective.replace(torch.tensor([1]), torch.tensor([3]))
    assert_fixed(objective, [2, 3])
    assert objective.compiled_slots == 7
