"""One result type for every check of load/: of the load test, the benchmark, the gate and the stress tests.

    a measured value and its limit -> [check_result] -> a printed line, an exit code, a row of README.md

A value that was not measured is a check that failed. Knows neither HTTP nor where a value comes from.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckResult:
    """What was checked, what was found and what was expected."""

    name: str
    found: str
    expected: str
    passed: bool

    @property
    def mark(self) -> str:
        """ "pass" or "FAIL"."""
        return "pass" if self.passed else "FAIL"


def at_most(name: str, found: float | None, limit: float, unit: str = "", digits: str | None = None) -> CheckResult:
    """A check of an upper limit.

    Args:
        name: what was measured.
        found: the value; None: it was not measured.
        limit: the greatest value that passes.
        unit: follows both numbers, as in " ms".
        digits: how both numbers are printed, a format specification; None: four digits, or whole from 1,000 on.
    """
    passed = found is not None and found <= limit
    return CheckResult(name, _printed(found, unit, digits), f"at most {_printed(limit, unit, digits)}", passed)


def at_least(name: str, found: float | None, limit: float, unit: str = "", digits: str | None = None) -> CheckResult:
    """A check of a lower limit; the arguments are those of `at_most`."""
    passed = found is not None and found >= limit
    return CheckResult(name, _printed(found, unit, digits), f"at least {_printed(limit, unit, digits)}", passed)


def print_results(results: Iterable[CheckResult]) -> None:
    """A line for each result, in columns."""
    results = list(results)
    name_width = max((len(one.name) for one in results), default=0)
    expected_width = max((len(one.expected) for one in results), default=0)
    for one in results:
        print(
            f"{one.mark}  {one.name:{name_width}}  expected: {one.expected:{expected_width}}  found: {one.found}",
            flush=True,
        )


def exit_code(results: Iterable[CheckResult]) -> int:
    """0 if every check passed, else 1."""
    return 0 if all(one.passed for one in results) else 1


def _printed(value: float | None, unit: str, digits: str | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:{digits or (',.0f' if abs(value) >= 1000 else '.4g')}}{unit}"
