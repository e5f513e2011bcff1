"""`python -m load`: start the service, measure the engine alone, let people ask, judge, stop the service.

    server -> engine -> Locust with locustfile -> goals -> a table, and 0 or 1

Ends with 0 if every goal holds, 1 if one does not, 2 if nothing could be measured. Reports go
to load/reports/. Locust is a process of its own: it rewrites the standard library where it runs.
"""

import argparse
import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median

from load.bench.engine import Engine, usable_cores
from load.goals import Measured, Verdict, crowded, judge, percentile_ms, rate_per_s, read_rows
from load.server import QUIET, ROOT, ServiceTrouble, default_drawer, engine_of, generator_of, running_service
from load.profiles import LEAVE_WITHIN_S, PROFILES

REPORTS = Path(__file__).parent / "reports"
ENGINE_WINDOWS, ENGINE_WINDOW_S = 4, 1.5
REPORT_WITHIN_S = 30
"""Seconds that Locust has to begin, and to write its report when all have left; then it is stopped."""

Started = AbstractContextManager[tuple[str, subprocess.Popen[bytes] | None]]


def main() -> int:
    """Run the profiles that were asked for; 0 if every goal holds."""
    asked = _arguments()
    profiles = list(PROFILES) if asked.profile == "all" else [asked.profile]
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda number, _: sys.exit(128 + number))  # so that Locust and the service are stopped too
    REPORTS.mkdir(exist_ok=True)
    for old in REPORTS.iterdir():
        old.unlink()  # nothing of an earlier run may be judged, or read as if it were of this one
    log = REPORTS / "service.log"
    started: Started = nullcontext((asked.url.rstrip("/"), None)) if asked.url else running_service(log)
    try:
        with started as (url, service):
            measured = measure(url, service, profiles)
    except ServiceTrouble as trouble:
        print(f"Nothing was measured: {trouble}", file=sys.stderr)
        return 2
    verdicts = judge(measured)
    _print_verdicts(verdicts)
    if crowded(measured):
        print("NOTE  something else took the cores while the engine ran alone: measure again when it is quiet here")
    print(f"\nReports: {', '.join(str(page.relative_to(ROOT)) for page in sorted(REPORTS.glob('*.html')))}")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def measure(url: str, service: subprocess.Popen[bytes] | None, profiles: Sequence[str]) -> Measured:
    """Play the profiles; right before and right after the one that is held against the engine, measure that alone."""
    drawer = default_drawer(url)
    engine_name, batch_sizes = engine_of(url, drawer.name)
    engine = Engine(generator_of(drawer), engine_name, batch_sizes[-1])
    print(f"{url} draws {drawer.name} {drawer.version}: {drawer.height} x {drawer.width} x {drawer.channels}")
    measured = Measured(profiles)
    for profile in profiles:
        if profile == "steady":
            _measure_engine(engine, measured)
        _play(profile, url, measured)
        if service is not None and service.poll() is not None:
            measured.mishaps.append(f"the service stopped in {profile} (it ended with {service.returncode})")
        if measured.mishaps:
            break
        if profile == "steady":
            _measure_engine(engine, measured)
    return measured


def _measure_engine(engine: Engine, measured: Measured) -> None:
    rates, cores = zip(*(engine.window(ENGINE_WINDOW_S) for _ in range(ENGINE_WINDOWS)), strict=True)
    measured.engine_images_per_s += rates
    measured.engine_core_shares += (found / usable_cores() for found in cores)
    print(
        f"  engine alone: {', '.join(f'{rate:,.0f}' for rate in rates)} images/s, "
        f"with {median(cores):.2f} of {usable_cores()} cores",
        flush=True,
    )


def _play(profile: str, url: str, measured: Measured) -> None:
    seconds = sum(stage.seconds for stage in PROFILES[profile])
    print(f"\n{profile}, {seconds} s", flush=True)
    report = REPORTS / profile
    begin_s, cpu_s = time.monotonic(), _children_cpu_s()
    code = _run_locust(profile, url, report, seconds + LEAVE_WITHIN_S + REPORT_WITHIN_S)
    cores = (_children_cpu_s() - cpu_s) / (time.monotonic() - begin_s)
    if code is None:
        measured.mishaps.append(f"Locust did not end in {profile}")
    elif code:
        measured.mishaps.append(f"Locust ended with {code} in {profile}")
    figures = report.with_suffix(".json")
    measured.rows += read_rows(profile, json.loads(figures.read_text())) if figures.exists() else []
    _print_rows(profile, measured)
    _print_failures(report)
    print(f"  Locust itself took {cores:.2f} of a core", flush=True)


def _run_locust(profile: str, url: str, report: Path, limit_s: float) -> int | None:
    command = [sys.executable, "-m", "locust", "-f", "load/locustfile.py", "--headless", "--host", url]
    command += ["--html", f"{report}.html", "--json-file", str(report), "--csv", str(report)]
    command += ["--stop-timeout", str(LEAVE_WITHIN_S), "--only-summary"]
    environment = {**QUIET, **os.environ, "LOAD_PROFILE": profile}
    with report.with_suffix(".log").open("wb") as sink:
        locust = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink)
        try:
            return locust.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            locust.kill()
            locust.wait()


def _print_rows(profile: str, measured: Measured) -> None:
    for stage in PROFILES[profile]:
        for row in sorted(measured.rows, key=lambda row: row.kind):
            if (row.profile, row.stage) != (profile, stage.name):
                continue
            rate = rate_per_s(row.per_second, stage.seconds)
            p50_ms, p95_ms = (percentile_ms(row.times_ms, share) or 0 for share in (0.5, 0.95))
            print(
                f"  {row.stage:22} {row.kind:17} {row.requests:6} asked {row.failures:4} failed "
                f"{rate:7.1f} /s   p50 {p50_ms:5.0f} ms   p95 {p95_ms:5.0f} ms"
            )


def _print_failures(report: Path) -> None:
    path = report.with_name(f"{report.name}_failures.csv")
    if path.exists():
        with path.open(newline="") as file:
            for failure in list(csv.DictReader(file))[:5]:
                print(f"  FAILED {failure['Occurrences']} times: {failure['Name']}: {failure['Error']}")


def _print_verdicts(verdicts: Sequence[Verdict]) -> None:
    print()
    for verdict in verdicts:
        mark = "pass" if verdict.passed else "MISS"
        print(f"{mark}  {verdict.sentence:38} wanted: {verdict.wanted:16} found: {verdict.found}")


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load", description="Many people at once, against the goals.")
    parser.add_argument("--url", help="a service that runs already; one is started if none")
    parser.add_argument("--profile", choices=[*PROFILES, "all"], default="all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
