"""What marks cost: the same zip with and without them, by two services in one run; bytes, time and rate a picture.

    servers -> runner -> measurements -> [marks] -> __main__

The two answer in turns, and each ratio is of one iteration, so that a machine
that becomes slower is slower for both. Both draw, encode and send: what is told
is what a client notices.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from load.bench.measurements import Measurements, Metric, Sample, cpu_s_per_image, difference, images_per_s, ratios
from load.bench.runner import Plan, measure
from load.bench.servers import DEFAULT, OURS, UNMARKED, started
from load.bench.workloads import saturated
from load.check_result import CheckResult, at_least, at_most, exit_code, print_results

ITERATIONS = 9
MODEL = "mnist"
ZIP = saturated(MODEL, 1024, "zip")
LEAST_RATE, MOST_BYTES, MOST_CPU_US = 0.95, 700, 6.0


def run_marks() -> int:
    """Measure and print; 0 if marks cost no more than they may.

    Raises:
        MeasurementError: a service does not start.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [stack.enter_context(started(one, MODEL, Path(folder))) for one in (OURS[0], UNMARKED)]
        plan = Plan([(running, [ZIP]) for running in servers])
        found = measure(plan, ITERATIONS, 1.0, lambda line: print(f"  {line}", flush=True))
    results = check_marks(found)
    print_results(results)
    return exit_code(results)


def check_marks(measurements: Measurements) -> list[CheckResult]:
    """Rate, bytes and CPU time of marked pictures against the same without marks."""

    def of(name: str, metric: Metric) -> dict[int, float]:
        return measurements.by_iteration(name, ZIP, metric)

    def further(metric: Metric) -> float | None:
        values = difference(of(DEFAULT, metric), of(UNMARKED.name, metric))
        return median(values.values()) if values else None

    rates = ratios(of(DEFAULT, images_per_s), of(UNMARKED.name, images_per_s))
    cpu_s = further(cpu_s_per_image)
    name = f"{ZIP.n:,} {MODEL} pictures as zip, marked against unmarked"
    return [
        at_least(f"{name}: rate", median(rates) if rates else None, LEAST_RATE, digits=".3f"),
        at_most(f"{name}: bytes a picture", further(_bytes_per_image), MOST_BYTES, digits=".0f"),
        at_most(f"{name}: CPU a picture", None if cpu_s is None else cpu_s * 1e6, MOST_CPU_US, " us", ".1f"),
    ]


def _bytes_per_image(sample: Sample) -> float:
    return sample.body_bytes / ZIP.n
