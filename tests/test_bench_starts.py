"""What a start may take, judged from times made by hand."""

import pytest

from load.bench.starts import DEFAULT, EMPTY, LIVE, OLDER, PAGE, Times, check_starts


def found(ours: Times, older: Times | None = None) -> dict[str, list[Times]]:
    times = {EMPTY: [{LIVE: 2.0}], DEFAULT: [ours]}
    return {**times, OLDER: [older]} if older else times


GOOD: Times = {LIVE: 2.2, PAGE: 2.4, "mnist": 4.0, "eurosat": 5.0}


def test_times_are_held_against_an_empty_service_and_pictures_against_the_page():
    results = [*check_starts(found(GOOD, {**GOOD, PAGE: 2.76}))]

    assert [one.found for one in results] == ["1.10", "1.20", "1.60 s", "2.60 s", "1.15", "1.00", "1.00"]
    assert all(one.passed for one in results)


@pytest.mark.parametrize(
    ("ours", "failed"), [({LIVE: 2.7}, 0), ({PAGE: 2.7}, 1), ({"mnist": 5.5}, 2), ({"eurosat": 5.5}, 3)]
)
def test_each_has_a_limit(ours: Times, failed: int):
    assert [one.passed for one in check_starts(found(GOOD | ours))] == [at != failed for at in range(4)]


def test_older_versions_may_delay_nothing_by_more_than_a_fifth():
    names = [one.name for one in check_starts(found(GOOD, {**GOOD, "mnist": 4.9})) if not one.passed]

    assert names == ["mnist with older versions / without"]


def test_the_median_of_the_starts_counts():
    slow = {LIVE: 20.0, PAGE: 20.0, "mnist": 20.0, "eurosat": 20.0}
    times = {EMPTY: [{LIVE: 2.0}] * 3, DEFAULT: [GOOD, slow, GOOD]}

    assert all(one.passed for one in check_starts(times))
