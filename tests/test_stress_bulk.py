"""What a data set may take, judged from figures made by hand."""

import pytest

from load.stress.bulk import check_drawn

FLAT = [100, 200, 300, 300, 310, 310, 305, 310]


def test_the_rate_is_held_against_the_mean_of_the_engine_before_and_after():
    rate, memory = check_drawn(9_000, [11_000, 9_000], FLAT)

    assert (rate.found, memory.found) == ("0.900", "1.033")
    assert rate.passed
    assert memory.passed


@pytest.mark.parametrize(
    ("rate", "memory", "failed"),
    [(8_400, FLAT, 0), (9_000, [100, 200, 300, 300, 310, 340, 305, 310], 1), (9_000, [], 1)],
)
def test_each_has_a_limit_and_what_was_not_measured_does_not_pass(rate: float, memory: list[int], failed: int):
    assert [one.passed for one in check_drawn(rate, [10_000], memory)] == [at != failed for at in range(2)]
