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


def at_most(name: str, found: float | None, limit: float, unit: str = "", digits: str = ",.4g") -> CheckResult:
    """A check of an upper limit.

    Args:
        name: what was measured.
        found: the value; None: it was not measured.
        limit: the greatest value that passes.
        unit: follows both numbers, as in " ms".
        digits: how both numbers are printed, a format specification.
    """
    passed = found is not None and found <= limit
    return CheckResult(name, _printed(found, unit, digits), f"at most {limit:{digits}}{unit}", passed)


def at_least(name: str, found: float | None, limit: float, unit: str = "", digits: str = ",.4g") -> CheckResult:
    """A check of a lower limit; the arguments are those of `at_most`."""
    passed = found is not None and found >= limit
    return CheckResult(name, _printed(found, unit, digits), f"at least {limit:{digits}}{unit}", passed)


def print_results(results: Iterable[CheckResult]) -> None:
    """A line for each result, in columns."""
    results = list(results)
    name_width, expected_width = (max((len(text) for text in column), default=0) for column in _columns(results))
    for one in results:
        print(
            f"{one.mark}  {one.name:{name_width}}  expected: {one.expected:{expected_width}}  found: {one.found}",
            flush=True,
        )


def exit_code(results: Iterable[CheckResult]) -> int:
    """0 if every check passed, else 1."""
    return 0 if all(one.passed for one in results) else 1


def _columns(results: list[CheckResult]) -> tuple[list[str], list[str]]:
    return [one.name for one in results], [one.expected for one in results]


def _printed(found: float | None, unit: str, digits: str) -> str:
    return "not measured" if found is None else f"{found:{digits}}{unit}"
