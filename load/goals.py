"""What must hold, as a table, and how a load test's statistics are held against it.

    profiles, Locust's statistics, the engine's throughput -> [goals] -> check results -> __main__

Pure functions of what one load test measured. A value that is missing is a goal
missed. Speeds are ratios within the run: the machine's own speed cancels out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from load.check_result import CheckResult, at_least, at_most
from load.profiles import BATCH_STAGES, HALF_LOAD, PROFILES, SATURATED, Stage

BATCH_IMAGES = 1_024
RAMP_UP_S, RAMP_DOWN_S = 2, 1
"""Seconds at the beginning and the end of a stage that say nothing of its rate: users start, and stop."""

QUIET_CORE_SHARE = 0.75
"""Share of the cores that the engine alone gets where nothing else runs, or more."""


@dataclass(frozen=True)
class RequestStats:
    """Locust's statistics of one kind of request in one stage."""

    profile: str
    stage: str
    kind: str
    requests: int
    failures: int
    latency_ms_counts: Mapping[int, int] = field(default_factory=dict)
    """Latency in ms: how many answers took it."""
    answers_per_second: Mapping[int, int] = field(default_factory=dict)
    """Second since 1970: how many answers came in it."""


@dataclass
class LoadTestResult:
    """All that one load test measured."""

    profiles: Sequence[str]
    stats: list[RequestStats] = field(default_factory=list)
    engine_images_per_s: list[float] = field(default_factory=list)
    engine_core_shares: list[float] = field(default_factory=list)
    """Of the cores that it may use, the share that the engine got while it was measured alone, sample by sample."""
    errors: list[str] = field(default_factory=list)
    """What went wrong around the requests, in words: Locust ended with an error, the service stopped."""


@dataclass(frozen=True)
class Goal:
    """One value and its limit."""

    profile: str | None
    """The profile that measures it; every one, if None."""
    name: str
    value: Callable[[LoadTestResult], float | None]
    """None: it was not measured."""
    check: Callable[..., CheckResult]
    """`at_least` or `at_most`."""
    limit: float
    unit: str = ""


def read_stats(profile: str, entries: Iterable[Mapping[str, Any]]) -> list[RequestStats]:
    """Locust's JSON as statistics. Its names are "stage: kind"; in JSON, the keys of its counts are text."""
    stats = []
    for entry in entries:
        stage, _, kind = entry["name"].partition(": ")
        latencies, per_second = (
            {int(float(key)): count for key, count in entry[name].items()}
            for name in ("response_times", "num_reqs_per_sec")
        )
        requests, failures = entry["num_requests"], entry["num_failures"]
        stats.append(RequestStats(profile, stage, kind, requests, failures, latencies, per_second))
    return stats


def throughput_per_s(answers_per_second: Mapping[int, int], stage_s: int) -> float:
    """Answers a second in the whole seconds within a stage, without those in which users start or stop."""
    if not answers_per_second:
        return 0.0
    begin = min(answers_per_second)
    inner = range(begin + RAMP_UP_S, begin + stage_s - RAMP_DOWN_S)
    return sum(answers_per_second.get(second, 0) for second in inner) / len(inner)


def latency_percentile_ms(latency_ms_counts: Mapping[int, int], share: float) -> float | None:
    """The latency in ms that this share (0 to 1) of the answers did not exceed; None of none."""
    wanted, seen = share * sum(latency_ms_counts.values()), 0
    for latency_ms in sorted(latency_ms_counts):
        seen += latency_ms_counts[latency_ms]
        if seen >= wanted:
            return float(latency_ms)
    return None


def failed_requests(result: LoadTestResult) -> float | None:
    """Wrong answers and missing ones, of all kinds; None if nothing was requested."""
    return float(sum(one.failures for one in result.stats)) if result.stats else None


def unanswered_stages(result: LoadTestResult) -> float:
    """Stages in which no request was answered."""
    answered = {(one.profile, one.stage) for one in result.stats if one.requests > one.failures}
    expected = ((name, stage) for name in result.profiles for stage in PROFILES[name] if stage.user_count)
    return float(sum((name, stage.name) not in answered for name, stage in expected))


def stage_throughput_per_s(result: LoadTestResult, name: str) -> float | None:
    """Answers a second of a stage of the profile steady; None if there were none."""
    (stage,) = (stage for stage in PROFILES["steady"] if stage.name == name)
    rates = [throughput_per_s(one.answers_per_second, stage.seconds) for one in _stats_of(result, stage)]
    return sum(rates) or None


def batch_share_of_engine(result: LoadTestResult) -> float | None:
    """Images a second that come as npy of 1,024, over what the engine alone makes."""
    rates = [stage_throughput_per_s(result, name) for name in BATCH_STAGES]
    if None in rates or not result.engine_images_per_s:
        return None
    return mean(rate for rate in rates if rate) * BATCH_IMAGES / median(result.engine_images_per_s)


def half_load_latency_p95_ms(result: LoadTestResult) -> float | None:
    """95th percentile of the latency of a single image, at half of the saturated rate.

    None where some failed: a refusal comes quickly, and would look like a good answer.
    """
    stats = [one for one in result.stats if (one.profile, one.stage) == ("steady", HALF_LOAD)]
    return latency_percentile_ms(stats[0].latency_ms_counts, 0.95) if stats and not stats[0].failures else None


def half_load_achieved(result: LoadTestResult) -> float | None:
    """Rate achieved over rate offered; much below 1, the latency above is of a lighter load than it claims."""
    achieved, saturated = stage_throughput_per_s(result, HALF_LOAD), stage_throughput_per_s(result, SATURATED)
    return achieved / (saturated / 2) if achieved and saturated else None


GOALS = (
    Goal(None, "requests with a wrong answer, or none", failed_requests, at_most, 0),
    Goal(None, "stages without any answer", unanswered_stages, at_most, 0),
    Goal("steady", "npy of 1,024 / the engine alone", batch_share_of_engine, at_least, 0.6),
    Goal("steady", "n = 1 at half load, latency p95", half_load_latency_p95_ms, at_most, 150, " ms"),
    Goal("steady", "n = 1 at half load, achieved / offered", half_load_achieved, at_least, 0.9),
)


def contended(result: LoadTestResult) -> bool:
    """Whether other processes took cores from the engine, so that ratios to it look better than they are."""
    return bool(result.engine_core_shares) and median(result.engine_core_shares) < QUIET_CORE_SHARE


def check_goals(result: LoadTestResult) -> list[CheckResult]:
    """A result for each goal that the profiles of this run can show, and one for the run itself."""
    errors = "; ".join(result.errors)
    completed = CheckResult("the run completed", errors or "it did", "no process stopped early", not errors)
    shown = [goal for goal in GOALS if goal.profile in (None, *result.profiles)]
    return [completed, *(goal.check(goal.name, goal.value(result), goal.limit, goal.unit) for goal in shown)]


def _stats_of(result: LoadTestResult, stage: Stage) -> list[RequestStats]:
    return [one for one in result.stats if (one.profile, one.stage) == ("steady", stage.name)]
