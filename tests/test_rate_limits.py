"""What one caller may take: never more than the limit in the mean, and always again after the time that is told."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.access import rate_limits
from service.access.rate_limits import RateLimit, caller_at
from service.errors import Problem

STEPS = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 500)), min_size=1, max_size=40)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def taken(limit: RateLimit, caller: str, amount: int) -> int | None:
    """None, or the seconds to wait."""
    refusal = None
    try:
        with limit.charged(caller, amount):
            pass
    except Problem as problem:
        refusal = problem
    if refusal is None:
        return None
    assert refusal.status == 429
    told_s = int(refusal.headers["Retry-After"])
    assert f"Try again in {told_s:,} s." in refusal.detail
    return told_s


@given(st.floats(0.5, 100), STEPS)
def test_in_the_mean_no_caller_takes_more_than_the_limit(per_second: float, steps: list[tuple[float, int]]):
    clock = Clock()
    limit, admitted = RateLimit(per_second, 1, "pictures", clock), []
    for wait_s, amount in steps:
        clock.now_s += wait_s
        if taken(limit, "a", amount) is None:
            admitted.append(amount)

    allowed = max(1, per_second) + per_second * clock.now_s
    assert sum(admitted[:-1]) <= allowed * (1 + 1e-6), "the last one may still have to be paid back"


@given(st.floats(0.5, 100), STEPS)
@example(0.5, [(0, 12), (0.022418432746789126, 500), (0, 1)])
def test_a_refused_request_is_answered_after_the_time_that_it_was_told(per_second: float, steps: list):
    clock = Clock()
    limit = RateLimit(per_second, 1, "pictures", clock)
    for wait_s, amount in steps:
        clock.now_s += wait_s
        if (told_s := taken(limit, "a", amount)) is not None:
            clock.now_s += told_s
            assert taken(limit, "a", amount) is None


def test_callers_do_not_pay_for_each_other():
    limit = RateLimit(5, 60, "grades", Clock())

    assert [taken(limit, caller, 5) for caller in ("a", "b", "a", "b")] == [None, None, 60, 60]


def test_what_was_refused_in_the_end_costs_nothing():
    limit = RateLimit(5, 60, "grades", Clock())
    for _ in range(9):
        with pytest.raises(Problem, match="full"), limit.charged("a", 5):
            raise Problem(503, "full")

    assert taken(limit, "a", 5) is None


def test_so_many_callers_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rate_limits, "MOST_CALLERS", 3)
    limit = RateLimit(1, 1, "pictures", Clock())
    for at in range(1_000):
        assert taken(limit, f"a{at}", 1) is None

    assert len(limit._buckets) == 3
    assert taken(limit, "a999", 1) == 1, "those who came last are remembered"


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "The address 192.0.2.7"),
        ("::ffff:192.0.2.7", "The address 192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "The network 2001:db8:1:2::/64"),
        ("fe80::1%eth0", "The network fe80::/64"),
        ("testclient", "The client testclient"),
    ],
)
def test_a_caller_is_an_address_or_a_whole_network_of_ipv6(address: str, caller: str):
    assert caller_at(address) == caller


@given(st.text(max_size=200))
def test_any_address_is_a_caller_in_a_few_words(address: str):
    assert re.match("The (client|address|network) ", caller_at(address))
    assert len(caller_at(address)) < 100
