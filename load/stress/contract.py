"""The OpenAPI document against the service: schemathesis, all checks, many cases; each failure with its reason.

    harness, the program `schemathesis` -> [contract] -> check results

The program has an environment of its own (`pip install schemathesis`), because it
pins what others need newer. It runs in rounds, each with another seed and two files:
its report and its words. A round that is complete is not run again. A failure whose
kind has no reason in `REASONS` is one of the service, and makes this fail.
"""

import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from load.check_result import CheckResult, at_least, at_most
from load.server import MeasurementError
from load.stress.harness import Target

CASES, EXAMPLES = 20_000, 400
"""In all, and of an operation in one round: about 4,400 cases in two and a half minutes."""
_MOST_ROUNDS = 30
_TOO_STRICT, _TOO_LAX = "ST202", "ST201"
REASONS: tuple[tuple[str, int, str, str], ...] = (
    (_TOO_STRICT, 410, "is not available", "a version that is not there is 410; the tool takes only 404 for that"),
    (_TOO_LAX, 410, "is not available", "the version is looked at before the rest, and is not there"),
    (_TOO_STRICT, 410, "^<!doctype html>", "the same for a browser: a page says so"),
    (_TOO_STRICT, 422, "^<!doctype html>", "a page for a browser; the file that it shows has the reason in JSON"),
    (_TOO_STRICT, 422, "labels for .* pictures", "that there is a label for each picture is said in words"),
    (_TOO_LAX, 414, "longer than", "the URL is too long to be read; 414 is not among the tool's refusals"),
    (_TOO_STRICT, 422, "a point is spelled", "how a point is spelled is more than a pattern can say"),
    (_TOO_STRICT, 422, "label and classes are both given", "which fields of a query exclude each other is no schema's"),
    (_TOO_STRICT, 413, "larger than", "a schema cannot limit the bytes of a body; the document declares 413"),
    (_TOO_LAX, 413, "larger than", "the body is too large to be read; 413 is not among the tool's refusals"),
    (_TOO_STRICT, 422, "the classes of|no classes|has no class", "which classes a model has is no schema's"),
    (_TOO_STRICT, 422, "has no encoder", "which models have an encoder is no schema's"),
    (
        _TOO_STRICT,
        422,
        r"\.0: expected a valid integer",
        "376.0 is an integer to JSON Schema; a float has 53 bits",
    ),
    (_TOO_STRICT, 422, "class numbers, none twice|sum|scaled", "which weights go together is said in words"),
    (_TOO_STRICT, 400, "is true;|is transparent;|prompt is|size is", "OpenAI's API has what a model here has not"),
    (
        _TOO_STRICT,
        400,
        r"\bz\b|label|classes|shape|datatype|binary|outputs|sequence|classification|shared memory|not valid JSON",
        "which tensors a model takes is no schema's",
    ),
    (
        _TOO_LAX,
        202,
        "EMPTY",
        "the package mcp takes a message whose id is no id for a notification",
    ),
    (_TOO_STRICT, 422, "a point is either", "that exactly one of two fields is given is said in words"),
    (_TOO_STRICT, 422, "shows up to|A strip|An animation|pixels", "what a sheet holds depends on model and format"),
)
"""Code of a check, status, words of the answer; and why the failure is the tool's."""
_OPERATION = re.compile(r"^_{3,} ([A-Z]+ \S+) _{3,}$", re.MULTILINE)
_CASE = re.compile(r"^\d+\. Test Case ID: ", re.MULTILINE)
_CHECK = re.compile(r"^- ([A-Z]+\d+) (.*)$", re.MULTILINE)
_ANSWER = re.compile(r"^\[(\d{3})\][^\n]*\n\n +`?([^\n]*)", re.MULTILINE)


@dataclass(frozen=True)
class Failure:
    """One check that failed, as the program says it."""

    operation: str
    code: str
    title: str
    status: int
    answer: str

    @property
    def reason(self) -> str | None:
        """Why it is the tool's; None: nothing says so."""
        for code, status, words, reason in REASONS:
            if (code, status) == (self.code, self.status) and re.search(words, self.answer):
                return reason
        return None


async def contract(target: Target, program: str, cases: int, out: Path | None) -> list[CheckResult]:
    """Run rounds until there were so many cases.

    Args:
        target: the service.
        program: schemathesis, as a path or on the PATH.
        cases: of all rounds together.
        out: keeps the files of each round; None: they are thrown away.

    Raises:
        MeasurementError: the program does not run.
    """
    with tempfile.TemporaryDirectory() as thrown_away:
        folder = (out or Path(thrown_away)) / "contract"
        folder.mkdir(parents=True, exist_ok=True)
        found, generated = list[Failure](), 0
        for seed in range(1, _MOST_ROUNDS + 1):
            if generated >= cases:
                break
            generated += await _round(target, program, folder, seed, min(EXAMPLES, max(1, cases // 15)))
            found += failures((folder / f"{seed}.txt").read_text())
            print(f"round {seed}: {generated:,} cases, {len(found)} failures", flush=True)
    unexplained = [one for one in found if one.reason is None]
    for (operation, reason), count in Counter((one.operation, one.reason) for one in found if one.reason).items():
        print(f"{count} x {operation}: {reason}")
    for one in unexplained:
        print(f"ERROR {one.operation}: {one.code} {one.title}, {one.status}: {one.answer[:300]}", flush=True)
    return [
        at_least("cases", generated, cases),
        at_most("failures that have no reason", len(unexplained), 0),
        at_most("answers with 5xx but a told 503", sum(one.status >= 500 for one in found), 0),
    ]


def failures(text: str) -> Iterator[Failure]:
    """The failures in what the program prints."""
    _, *parts = _OPERATION.split(text)
    for operation, part in zip(parts[::2], parts[1::2], strict=True):
        for case in _CASE.split(part)[1:]:
            yield from _of_case(operation, case)


def _of_case(operation: str, case: str) -> Iterator[Failure]:
    """Checks come before the answer that failed them."""
    checks = list(_CHECK.finditer(case))
    for check in checks:
        answer = _ANSWER.search(case, check.end())
        status, words = (int(answer[1]), answer[2]) if answer else (0, "")
        yield Failure(operation, check[1], check[2], status, words)


async def _round(target: Target, program: str, folder: Path, seed: int, examples: int) -> int:
    """How many cases one round has; runs it where it was not run to its end."""
    report = folder / f"{seed}.json"
    if not (report.exists() and json.loads(report.read_text()).get("complete")):
        with (folder / f"{seed}.txt").open("wb") as said:
            try:
                process = await asyncio.create_subprocess_exec(
                    program, "run", f"{target.url}/openapi.json", "--checks", "all", "--continue-on-failure",
                    "--max-examples", str(examples), "--seed", str(seed),
                    "--request-timeout", "60", "--max-response-time", "60",
                    "--report", "json", "--report-json-path", str(report), "--output-truncate", "false",
                    stdout=said, stderr=said, cwd=folder,
                )  # fmt: skip
            except OSError as error:
                raise MeasurementError(f"{program}: {error}. Install it: pip install schemathesis") from error
            await process.wait()
    if not report.exists():
        raise MeasurementError(f"round {seed} made no report; see {folder / f'{seed}.txt'}")
    return int(json.loads(report.read_text())["test_cases"]["generated"])
