"""`python -m load`, the load test: start the service, measure its engine, run Locust, check the goals, stop.

    server -> bench.runner (the engine) -> Locust with locustfile -> goals -> [__main__] -> a table, and 0 or 1

Ends with 0 if every goal holds, 1 if one does not, 2 if nothing could be measured. Reports go
to load/reports/. Locust is a process of its own: it patches the standard library where it runs.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median

from load.bench.runner import Baseline, engine_baseline
from load.check_result import exit_code, print_results
from load.goals import LoadTestResult, check_goals, contended, latency_percentile_ms, read_stats, throughput_per_s
from load.profiles import PROFILES, STOP_TIMEOUT_S
from load.server import (
    NO_TELEMETRY,
    ROOT,
    MeasurementError,
    default_model,
    exit_on_signals,
    running_service,
    usable_cores,
    wait_until_warm,
)

REPORTS = Path(__file__).parent / "reports"
ENGINE_SAMPLES, ENGINE_SAMPLE_S = 3, 2.0
REPORT_TIMEOUT_S = 30
"""Seconds that Locust has to begin, and to write its report when all users have stopped; then it is killed."""

Service = AbstractContextManager[tuple[str, subprocess.Popen[bytes] | None]]


def main() -> int:
    """Run the chosen profiles; 0 if every goal holds."""
    arguments = _arguments()
    profiles = list(PROFILES) if arguments.profile == "all" else [arguments.profile]
    exit_on_signals()
    REPORTS.mkdir(exist_ok=True)
    for old in REPORTS.iterdir():
        old.unlink()  # nothing of an earlier run may be checked, or read as if it were of this one
    url = arguments.url
    service: Service = nullcontext((url.rstrip("/"), None)) if url else running_service(REPORTS / "service.log")
    try:
        with service as (url, process):
            result = run_load_test(url, process, profiles)
    except MeasurementError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2
    checks = check_goals(result)
    print()
    print_results(checks)
    if contended(result):
        print("NOTE  other processes took cores while the engine was measured: repeat this when the machine is quiet")
    print(f"\nReports: {', '.join(str(page.relative_to(ROOT)) for page in sorted(REPORTS.glob('*.html')))}")
    return exit_code(checks)


def run_load_test(url: str, service: subprocess.Popen[bytes] | None, profiles: Sequence[str]) -> LoadTestResult:
    """Run the profiles; right before and right after the one that is compared with the engine, measure that alone.

    Args:
        url: the service's address.
        service: its process, if it was started here.
        profiles: names, those of `PROFILES`.

    Raises:
        MeasurementError: the service does not answer, or its engine cannot be measured here.
    """
    if service is None:
        wait_until_warm(url)
    model = default_model(url)
    engine = engine_baseline(model, model.batch_sizes[-1], model.engine)
    print(f"{url} draws {model.name} {model.version}: {model.height} x {model.width} x {model.channels}")
    result = LoadTestResult(profiles)
    for profile in profiles:
        if profile == "steady":
            _measure_engine(engine, result)
        _run_profile(profile, url, result)
        if service is not None and service.poll() is not None:
            result.errors.append(f"the service stopped in {profile} (it ended with {service.returncode})")
        if result.errors:
            break
        if profile == "steady":
            _measure_engine(engine, result)
    return result


def _measure_engine(engine: Baseline, result: LoadTestResult) -> None:
    samples = [engine.sample(ENGINE_SAMPLE_S) for _ in range(ENGINE_SAMPLES)]
    rates = [one.images / one.wall_s for one in samples]
    cores = [one.server_cpu_s / one.wall_s for one in samples]
    result.engine_images_per_s += rates
    result.engine_core_shares += (found / usable_cores() for found in cores)
    print(
        f"  engine alone: {', '.join(f'{rate:,.0f}' for rate in rates)} images/s, "
        f"with {median(cores):.2f} of {usable_cores()} cores",
        flush=True,
    )


def _run_profile(profile: str, url: str, result: LoadTestResult) -> None:
    seconds = sum(stage.seconds for stage in PROFILES[profile])
    print(f"\n{profile}, {seconds} s", flush=True)
    report = REPORTS / profile
    begin_s, cpu_s = time.monotonic(), _children_cpu_s()
    code = _run_locust(profile, url, report, seconds + STOP_TIMEOUT_S + REPORT_TIMEOUT_S)
    cores = (_children_cpu_s() - cpu_s) / (time.monotonic() - begin_s)
    if code is None:
        result.errors.append(f"Locust did not end in {profile}")
    elif code:
        result.errors.append(f"Locust ended with {code} in {profile}")
    statistics = report.with_suffix(".json")
    result.stats += read_stats(profile, json.loads(statistics.read_text())) if statistics.exists() else []
    _print_stats(profile, result)
    _print_failures(report)
    print(f"  Locust itself took {cores:.2f} of a core", flush=True)


def _run_locust(profile: str, url: str, report: Path, timeout_s: float) -> int | None:
    """Locust's exit code; None: it did not end in time."""
    command = [sys.executable, "-m", "locust", "-f", "load/locustfile.py", "--headless", "--host", url]
    command += ["--html", f"{report}.html", "--json-file", str(report), "--csv", str(report)]
    command += ["--stop-timeout", str(STOP_TIMEOUT_S), "--only-summary"]
    environment = {**NO_TELEMETRY, **os.environ, "LOAD_PROFILE": profile}
    with report.with_suffix(".log").open("wb") as sink:
        locust = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink)
        try:
            return locust.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            locust.kill()
            locust.wait()


def _print_stats(profile: str, result: LoadTestResult) -> None:
    for stage in PROFILES[profile]:
        for one in sorted(result.stats, key=lambda one: one.kind):
            if (one.profile, one.stage) != (profile, stage.name):
                continue
            rate = throughput_per_s(one.answers_per_second, stage.seconds)
            p50_ms, p95_ms = (latency_percentile_ms(one.latency_ms_counts, share) or 0 for share in (0.5, 0.95))
            print(
                f"  {one.stage:24} {one.kind:20} {one.requests:6} requests {one.failures:4} failed "
                f"{rate:7.1f} /s   p50 {p50_ms:5.0f} ms   p95 {p95_ms:5.0f} ms"
            )


def _print_failures(report: Path) -> None:
    path = report.with_name(f"{report.name}_failures.csv")
    if path.exists():
        with path.open(newline="") as file:
            for failure in list(csv.DictReader(file))[:5]:
                print(f"  FAILED {failure['Occurrences']} times: {failure['Name']}: {failure['Error']}")


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load", description="Load test: concurrent users, against goals.")
    parser.add_argument("--url", help="a service that runs already; without it, one is started")
    parser.add_argument("--profile", choices=[*PROFILES, "all"], default="all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
