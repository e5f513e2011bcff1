"""How well grades are predicted is a share of pairs, and more grades make it sure."""

import torch

from training.feedback.agreement import Agreement, concordance


def test_concordance_is_the_share_of_pairs_in_the_right_order():
    """Worked out by hand: of the pairs (0, 2), (1, 2), (0, 3), (1, 3) the prediction orders three rightly."""
    found = concordance(torch.tensor([0.1, 0.5, 0.3, 0.9]), torch.tensor([0.0, 0.0, 1.0, 1.0]))

    assert found.share == 0.75


def test_a_tie_is_half_right():
    assert concordance(torch.tensor([0.3, 0.3]), torch.tensor([0.0, 1.0])).share == 0.5


def test_more_grades_make_it_sure():
    assert not Agreement(0.6, 0.1, 40).known
    assert Agreement(0.6, 0.05, 160).known
    assert Agreement(0.6, 0.1, 40).more_needed == 69  # 40 (1.645 * 0.1 / 0.1)^2 - 40
