"""Rows: the share of cells that are right, and categories."""

import pytest
import torch

from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.tables import Tables
from bench.errors import UserError


def test_a_cell_is_right_within_a_tenth_of_its_columns_deviation() -> None:
    rows = Tables((4,), Knowledge(mean=[0.0, 0.0, 5.0, 5.0], std=[1.0, 1.0, 10.0, 10.0]))
    truth = torch.tensor([[1.0, 1.0, 5.0, 5.0]])
    guess = truth + torch.tensor([[0.09, 0.11, 0.9, 1.1]])
    assert float(rows.scores(rows.pack(guess), rows.pack(truth))["cells"]) == 0.5


MIXED = Tables((5,), Knowledge(categories=[[0, 3], [1, 2]]))
ROWS = torch.tensor([[1.0, 0.0, 1.0, 0.0, 0.5], [0.0, 1.0, 0.0, 1.0, -2.0]])


def test_a_category_is_right_if_it_is_the_likeliest() -> None:
    guess = torch.tensor([[0.6, 0.3, 0.4, 0.55, 0.55], [0.9, 0.1, 0.4, 0.0, -2.2]])
    packed = MIXED.hard(MIXED.pack(ROWS) + (guess - ROWS).reshape(2, 5, 1, 1) * MIXED.affine()[0].view(-1, 1, 1))
    torch.testing.assert_close(MIXED.to_user()(packed)[:, :4], torch.tensor([[1.0, 0, 1, 0], [1.0, 0, 1, 0]]))
    found = MIXED.scores(packed, MIXED.pack(ROWS))
    assert found["cells"].tolist() == [1.0, 0.0] and found["categories"].tolist() == [1.0, 0.0]
    assert found["categories_guessed"].tolist() == [0.5, 0.5]


def test_public_rows_tell_how_usual_a_category_is() -> None:
    public = ROWS[[0, 0, 0, 1]]
    known = Tables((5,), Knowledge(public=public, categories=[[0, 3], [1, 2]]))
    assert known.scores(known.pack(ROWS), known.pack(ROWS))["categories_guessed"].tolist() == [1.0, 0.0]
    # A guess of the mean of public rows is 0.75 and 0.25 for each category, and noise draws them as often.
    controls = known.controls(known.pack(ROWS[[0]].repeat(400, 1)))
    torch.testing.assert_close(known.to_user()(controls["the mean of public data"])[0], public.mean(0))
    noise = known.to_user()(controls["noise"])
    torch.testing.assert_close(noise[:, [0, 1]] + noise[:, [3, 2]], torch.ones(400, 2))
    # The standard error of the share of 400 draws is 0.022.
    assert abs(float(noise[:, 0].mean()) - 0.75) < 0.1 and noise[:, 0].unique().numel() == 2


def test_rare_categories_are_within_reach() -> None:
    """Column 3 is never 1 in public rows; its deviation would be 0."""
    known = Tables((5,), Knowledge(public=ROWS[[0]].repeat(9, 1), categories=[[0, 3], [1, 2]]))
    torch.testing.assert_close(known.to_user()(known.pack(ROWS)), ROWS)


@pytest.mark.parametrize("batch", [0.5 * ROWS, 2 * ROWS, 1 - ROWS])
def test_categories_of_other_numbers_are_refused(batch: torch.Tensor) -> None:
    with pytest.raises(UserError, match=r"^batch: the columns \[0, 3\] of categories="):
        MIXED.pack(batch + torch.tensor([0.0, 0.0, 0.0, 0.1, 0.0]))
    with pytest.raises(UserError, match=r"^public: the columns"):
        Tables((5,), Knowledge(public=0.5 * ROWS, categories=[[0, 3], [1, 2]])).pack(ROWS)
