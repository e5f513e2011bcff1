"""What must hold, as a table, and how Locust's figures are held against it.

    stages, Locust's figures, engine -> [goals] -> verdicts -> __main__

Pure functions of what was measured in one run. A figure that is missing is a goal
missed. Speeds are ratios within the run: the machine's own speed cancels out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from load.profiles import BATCHES, FLAT_OUT, HALF_LOAD, PROFILES, Stage

BATCH_IMAGES = 1_024
SETTLE_S, LEAVE_S = 2, 1
"""Seconds at the beginning and the end of a stage that say nothing of its rate: people come, and go."""

QUIET_SHARE = 0.75
"""Share of the cores that the engine alone has where nothing else runs, or more."""


@dataclass(frozen=True)
class Row:
    """Locust's figures of one kind of question in one stage."""

    profile: str
    stage: str
    kind: str
    requests: int
    failures: int
    times_ms: Mapping[int, int] = field(default_factory=dict)
    """Response time: how many answers took it."""
    per_second: Mapping[int, int] = field(default_factory=dict)
    """Second since 1970: how many answers came in it."""


@dataclass
class Measured:
    """All that one run found."""

    profiles: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    engine_images_per_s: list[float] = field(default_factory=list)
    engine_core_shares: list[float] = field(default_factory=list)
    """Of the cores that it may use, those that the engine had while it ran alone, window by window."""
    mishaps: list[str] = field(default_factory=list)
    """What went wrong around the questions, in words: Locust ended with an error, the service stopped."""


@dataclass(frozen=True)
class Goal:
    """One sentence that must hold."""

    profile: str | None
    """The profile that shows it; every one, if None."""
    sentence: str
    figure: Callable[[Measured], float | None]
    """None: it was not measured."""
    wanted: float
    at_least: bool
    unit: str = ""


@dataclass(frozen=True)
class Verdict:
    """A goal, and what was found."""

    sentence: str
    found: str
    wanted: str
    passed: bool


def read_rows(profile: str, entries: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Locust's JSON as rows. Its names are "stage: kind"; in JSON, the keys of its counts are text."""
    rows = []
    for entry in entries:
        stage, _, kind = entry["name"].partition(": ")
        times_ms, per_second = (
            {int(float(key)): count for key, count in entry[name].items()}
            for name in ("response_times", "num_reqs_per_sec")
        )
        rows.append(Row(profile, stage, kind, entry["num_requests"], entry["num_failures"], times_ms, per_second))
    return rows


def rate_per_s(per_second: Mapping[int, int], stage_s: int) -> float:
    """Answers a second in the whole seconds within a stage, without those in which people come or go."""
    if not per_second:
        return 0.0
    begin = min(per_second)
    inner = range(begin + SETTLE_S, begin + stage_s - LEAVE_S)
    return sum(per_second.get(second, 0) for second in inner) / len(inner)


def percentile_ms(times_ms: Mapping[int, int], share: float) -> float | None:
    """The time within which this share of the answers came."""
    wanted, seen = share * sum(times_ms.values()), 0
    for time_ms in sorted(times_ms):
        seen += times_ms[time_ms]
        if seen >= wanted:
            return float(time_ms)
    return None


def failures(measured: Measured) -> float | None:
    """Wrong answers and missing ones, of all kinds; None if nobody asked."""
    return float(sum(row.failures for row in measured.rows)) if measured.rows else None


def silent_stages(measured: Measured) -> float:
    """Stages in which nobody was answered."""
    answered = {(row.profile, row.stage) for row in measured.rows if row.requests > row.failures}
    return float(sum((name, s.name) not in answered for name in measured.profiles for s in PROFILES[name] if s.people))


def rate_of(measured: Measured, name: str) -> float | None:
    """Answers a second of a stage of the profile steady; None if there were none."""
    (stage,) = (stage for stage in PROFILES["steady"] if stage.name == name)
    rates = [rate_per_s(row.per_second, stage.seconds) for row in _rows_of(measured, stage)]
    return sum(rates) or None


def batch_share_of_engine(measured: Measured) -> float | None:
    """Images a second that come as npy of 1,024, over what the engine alone makes."""
    rates = [rate_of(measured, name) for name in BATCHES]
    if None in rates or not measured.engine_images_per_s:
        return None
    return mean(rate for rate in rates if rate) * BATCH_IMAGES / median(measured.engine_images_per_s)


def p95_at_half_load_ms(measured: Measured) -> float | None:
    """What one picture in twenty takes longer than, at half of the rate that was found flat out.

    None where some failed: a refusal comes quickly, and would look like a good answer.
    """
    rows = [row for row in measured.rows if (row.profile, row.stage) == ("steady", HALF_LOAD)]
    return percentile_ms(rows[0].times_ms, 0.95) if rows and not rows[0].failures else None


def asked_at_half_load(measured: Measured) -> float | None:
    """Rate achieved over rate offered; much below 1, the times above are of a lighter load than they claim."""
    achieved, flat_out = rate_of(measured, HALF_LOAD), rate_of(measured, FLAT_OUT)
    return achieved / (flat_out / 2) if achieved and flat_out else None


GOALS = (
    Goal(None, "questions with a wrong answer, or none", failures, 0, at_least=False),
    Goal(None, "stages in which nobody was answered", silent_stages, 0, at_least=False),
    Goal("steady", "npy of 1,024 / the engine alone", batch_share_of_engine, 0.6, at_least=True),
    Goal("steady", "n = 1 at half load, p95", p95_at_half_load_ms, 150, at_least=False, unit=" ms"),
    Goal("steady", "n = 1 at half load, achieved / offered", asked_at_half_load, 0.9, at_least=True),
)


def crowded(measured: Measured) -> bool:
    """Whether others took the cores from the engine alone, so that what is held against it looks better than it is."""
    return bool(measured.engine_core_shares) and median(measured.engine_core_shares) < QUIET_SHARE


def judge(measured: Measured) -> list[Verdict]:
    """A verdict for each goal that the profiles of this run can show, and for its going to the end."""
    mishaps = "; ".join(measured.mishaps)
    to_the_end = Verdict("the run went to its end", mishaps or "it did", "nothing stopped", not mishaps)
    return [to_the_end, *(_verdict(g, measured) for g in GOALS if g.profile in (None, *measured.profiles))]


def _verdict(goal: Goal, measured: Measured) -> Verdict:
    found = goal.figure(measured)
    wanted = f"{'at least' if goal.at_least else 'at most'} {goal.wanted:g}{goal.unit}"
    if found is None:
        return Verdict(goal.sentence, "not measured", wanted, passed=False)
    passed = found >= goal.wanted if goal.at_least else found <= goal.wanted
    return Verdict(goal.sentence, f"{found:.4g}{goal.unit}", wanted, passed)


def _rows_of(measured: Measured, stage: Stage) -> list[Row]:
    return [row for row in measured.rows if (row.profile, row.stage) == ("steady", stage.name)]
