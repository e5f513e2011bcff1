"""Which load tests pass and which fail, from statistics made by hand."""

from dataclasses import replace

import pytest

from load.goals import (
    GOALS,
    LoadTestResult,
    RequestStats,
    check_goals,
    contended,
    latency_percentile_ms,
    read_stats,
    throughput_per_s,
)
from load.profiles import BATCH_STAGES, HALF_LOAD, PROFILES, SATURATED

ENGINE, LATENCY, OFFERED = (goal.name for goal in GOALS[2:])
WRONG, UNANSWERED = (goal.name for goal in GOALS[:2])
COMPLETED = "the run completed"


def stats(profile: str, stage: str, per_s: int = 10, latency_ms: int = 20, failures: int = 0) -> RequestStats:
    """As if `per_s` answers had come in every second of a minute, each after `latency_ms`."""
    requests = 60 * per_s
    return RequestStats(
        profile, stage, "anything", requests, failures, {latency_ms: requests}, dict.fromkeys(range(60), per_s)
    )


def good() -> LoadTestResult:
    """A run in which everything held: 8 batches a second, where the engine alone makes 10 times 1,024 images."""
    rates = {BATCH_STAGES[0]: 9, BATCH_STAGES[1]: 7, SATURATED: 400, HALF_LOAD: 200}
    found = [
        stats(name, stage.name, rates.get(stage.name, 10))
        for name, stages in PROFILES.items()
        for stage in stages
        if stage.user_count
    ]
    return LoadTestResult(list(PROFILES), found, engine_images_per_s=[9_000.0, 10_240.0, 11_000.0])


def with_stats(changed: RequestStats) -> LoadTestResult:
    """The good run with other statistics for one of its stages."""
    result = good()
    result.stats = [changed if old.stage == changed.stage else old for old in result.stats]
    return result


def failed(result: LoadTestResult) -> set[str]:
    return {check.name for check in check_goals(result) if not check.passed}


def test_a_run_in_which_everything_held_passes():
    assert failed(good()) == set()


def test_a_run_with_one_failed_request_fails():
    result = with_stats(stats("smoke", "all users", failures=1))

    assert failed(result) == {WRONG}


def test_a_run_without_any_figures_fails_every_goal():
    result = LoadTestResult(list(PROFILES))

    assert {goal.name for goal in GOALS} <= failed(result)


def test_a_stage_without_any_answer_fails():
    result = good()
    result.stats = [old for old in result.stats if old.stage != "48 users"]

    assert failed(result) == {UNANSWERED}


def test_a_stage_with_no_requests_at_all_fails():
    result = with_stats(RequestStats("ramp", "48 users", "anything", 0, 0))

    assert failed(result) == {UNANSWERED}


def test_batches_slower_than_the_share_of_the_engine_fail():
    """4 and 7 batches of 1,024 a second, where the engine makes 10: 0.55, and 0.6 is wanted."""
    result = with_stats(stats("steady", BATCH_STAGES[0], per_s=4))

    assert failed(result) == {ENGINE}
    assert "0.55" in next(check.found for check in check_goals(result) if check.name == ENGINE)


def test_batches_without_a_measurement_of_the_engine_fail():
    result = good()
    result.engine_images_per_s = []

    assert failed(result) == {ENGINE}


def test_an_engine_that_had_to_share_its_cores_is_reported():
    """With one core of two taken by others, batches would look as fast as the engine whatever they cost."""
    result = good()
    assert not contended(result)

    result.engine_core_shares = [0.95, 0.55, 0.6]
    assert contended(result)


def test_single_images_that_take_too_long_at_half_load_fail():
    result = with_stats(stats("steady", HALF_LOAD, per_s=200, latency_ms=151))

    assert failed(result) == {LATENCY}


def test_quick_refusals_do_not_count_as_quick_images():
    result = with_stats(stats("steady", HALF_LOAD, per_s=200, latency_ms=1, failures=1))

    assert failed(result) == {WRONG, LATENCY}


def test_a_half_load_that_was_not_reached_fails():
    """200 a second are offered; with 150 the times are those of a lighter load."""
    result = with_stats(stats("steady", HALF_LOAD, per_s=150))

    assert failed(result) == {OFFERED}


def test_a_locust_that_ends_with_an_error_fails_the_run():
    result = good()
    result.errors.append("Locust ended with 2 in ramp")

    assert failed(result) == {COMPLETED}
    assert "Locust ended with 2 in ramp" in check_goals(result)[0].found


def test_a_service_that_stops_half_way_fails_the_run():
    result = good()
    result.errors.append("the service stopped in steady (it ended with -9)")

    assert failed(result) == {COMPLETED}


def test_a_profile_alone_is_checked_by_the_goals_that_it_can_show():
    result = LoadTestResult(["smoke"], [stats("smoke", "all users")])

    assert [check.name for check in check_goals(result)] == [COMPLETED, WRONG, UNANSWERED]
    assert failed(result) == set()


def test_throughput_leaves_out_the_seconds_in_which_users_start_and_stop():
    """Of seconds 100 to 109, the first two and the last do not count: seven are left, and one of them had none."""
    per_second = {second: 7 for second in range(100, 110) if second != 105} | {100: 900, 109: 900}

    assert throughput_per_s(per_second, 10) == pytest.approx(6)
    assert throughput_per_s({}, 10) == 0


def test_a_latency_percentile_is_what_that_share_did_not_exceed():
    counts = {10: 94, 200: 5, 3000: 1}

    assert latency_percentile_ms(counts, 0.94) == 10
    assert latency_percentile_ms(counts, 0.95) == 200
    assert latency_percentile_ms({}, 0.95) is None


def test_locusts_statistics_are_read_with_the_numbers_that_json_made_text():
    entry = {
        "name": "batches, first: npy of 1,024",
        "num_requests": 3,
        "num_failures": 1,
        "response_times": {"20": 2, "150.0": 1},
        "num_reqs_per_sec": {"1700000000": 3},
    }

    assert read_stats("steady", [entry]) == [
        RequestStats("steady", "batches, first", "npy of 1,024", 3, 1, {20: 2, 150: 1}, {1_700_000_000: 3})
    ]


def test_statistics_that_are_replaced_are_among_those_of_the_good_run():
    """Otherwise the tests above would check the good run, and say that it is bad for another reason."""
    changed = replace(good().stats[0], failures=5)

    assert len(with_stats(changed).stats) == len(good().stats)
    assert changed in with_stats(changed).stats
