"""What `make bench` must show, as a table of ratios, each with its limit and what was found.

    measurements, runner, servers, workloads -> [criteria] -> check results -> report, __main__; gate

Pure functions of one run's measurements. A ratio that was not measured is a check
that failed. Where a criterion is of the engine that the rule chose, what the
float32 engine gave follows it in brackets.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from load.bench.measurements import (
    Measurements,
    Metric,
    cpu_s_per_image,
    difference,
    images_per_cpu_s,
    images_per_s,
    ratios,
)
from load.bench.runner import ENCODE_NAME, REFERENCE_ENGINE, engine_name
from load.bench.servers import BARE, BENTOML, DEFAULT, FLOAT32, MOUNTED, PEERS, UNBATCHED
from load.bench.workloads import encode_only, engine_only, highly_concurrent, saturated, single_client
from load.check_result import CheckResult, at_least, at_most
from load.server import ServedModel

_PEERS = tuple(peer.name for peer in PEERS)
_BATCHES = (64, 1024)


@dataclass(frozen=True)
class BenchmarkRun:
    """Measurements, and the models as our service described them, by name."""

    measurements: Measurements
    models: dict[str, ServedModel]


def check_criteria(run: BenchmarkRun) -> list[CheckResult]:
    """All that can be said of the models that were measured."""
    found = list(serving_overhead(run)) if "mnist" in run.models else []
    return found + [one for model in run.models for one in (*against_peers(run, model), batching_gain(run, model))]


def check_ratio(
    check: Callable[..., CheckResult], name: str, by_iteration: Sequence[float], limit: float, note: str = ""
) -> CheckResult:
    """The median of some iterations' ratios, checked.

    Args:
        check: `at_least` or `at_most`.
        name: what was measured.
        by_iteration: one ratio an iteration; none: it was not measured.
        limit: the bound of the median.
        note: follows what was found, in brackets.
    """
    result = check(name, median(by_iteration) if by_iteration else None, limit, digits=".2f")
    return replace(result, found=f"{result.found} ({note})") if note else result


def serving_overhead(run: BenchmarkRun) -> Iterator[CheckResult]:
    """What HTTP and encoding add to the engine, on MNIST's model."""
    cpu, model = run.measurements.by_iteration, run.models["mnist"]
    loop = cpu(engine_name(model.engine), engine_only("mnist", model.batch_sizes[-1]), cpu_s_per_image)
    npy = cpu(DEFAULT, saturated("mnist", 1024, "npy"), cpu_s_per_image)
    yield check_ratio(at_most, "mnist, 1,024 as npy: CPU an image / the engine alone", ratios(npy, loop), 1.10)
    for n, limit in ((1024, 1.20), (64, 1.50)):
        encode = cpu(ENCODE_NAME, encode_only("mnist", n, "zip"), cpu_s_per_image)
        zipped = cpu(DEFAULT, saturated("mnist", n, "zip"), cpu_s_per_image)
        name = f"mnist, {n:,} as zip: CPU an image / codes, engine and encoder alone"
        yield check_ratio(at_most, name, ratios(zipped, encode), limit)
    yield from _single_image_overhead(run)


def beyond_the_engine(measurements: Measurements, model: ServedModel) -> dict[int, float]:
    """CPU seconds of ours for a single image beyond a call of the engine, which draws its smallest batch."""
    smallest = model.batch_sizes[0]
    image = measurements.by_iteration(engine_name(model.engine), engine_only(model.name, smallest), cpu_s_per_image)
    call = {iteration: cpu_s * smallest for iteration, cpu_s in image.items()}
    return difference(measurements.by_iteration(DEFAULT, single_client(model.name, "npy"), cpu_s_per_image), call)


def _single_image_overhead(run: BenchmarkRun) -> Iterator[CheckResult]:
    cpu = run.measurements.by_iteration
    ours = beyond_the_engine(run.measurements, run.models["mnist"])
    engine = cpu(engine_name(REFERENCE_ENGINE), engine_only("mnist", 1), cpu_s_per_image)
    theirs = difference(cpu(BENTOML, single_client("mnist", "json"), cpu_s_per_image), engine)
    bare = cpu(BARE, single_client("mnist", "npy"), cpu_s_per_image)
    mounted = ratios(cpu(MOUNTED, single_client("mnist", "npy"), cpu_s_per_image), bare)
    note = f"the bare route on BentoML: {median(mounted):.2f}" if mounted else ""
    name = "mnist, n = 1: CPU beyond the engine / that of"
    yield check_ratio(at_most, f"{name} BentoML's own API", ratios(ours, theirs), 0.4)
    yield check_ratio(at_most, f"{name} a bare FastAPI route", ratios(ours, bare), 2.0, note)


def against_peers(run: BenchmarkRun, model: str) -> Iterator[CheckResult]:
    """Images a CPU second against the best of the four peers."""
    faster = engine_name(run.models[model].engine) != engine_name(REFERENCE_ENGINE)
    small = model == "mnist"
    for n in _BATCHES:
        yield _against_best(run, model, n, "zip", 2.0)
        yield _against_best(run, model, n, "png", 2.0)
        yield _against_best(run, model, n, "npy", 2.0 if faster and not small else 1.0)
    yield _against_best(run, model, 1, "png", 0.9 if small else 1.5)
    if small:
        for n in _BATCHES:
            ours = run.measurements.by_iteration(DEFAULT, saturated(model, n, "npy"), images_per_cpu_s)
            array = run.measurements.by_iteration(BENTOML, saturated(model, n, "json"), images_per_cpu_s)
            name = f"{model}, {n:,} as npy: images a CPU second / BentoML's array answer"
            yield check_ratio(at_least, name, ratios(ours, array), 5.0)


def batching_gain(run: BenchmarkRun, model: str) -> CheckResult:
    """Throughput of 64 clients of one image each, with dynamic batching over without it."""
    workload = highly_concurrent(model)
    on, off = (run.measurements.by_iteration(name, workload, images_per_s) for name in (DEFAULT, UNBATCHED))
    return check_ratio(at_least, f"{model}, 64 clients of n = 1: images a second / batching off", ratios(on, off), 0.95)


def _against_best(run: BenchmarkRun, model: str, n: int, format_name: str, limit: float) -> CheckResult:
    workload, measurements = saturated(model, n, format_name), run.measurements
    metric: Metric = images_per_cpu_s
    best = measurements.best(_PEERS, workload, metric)
    name = f"{model}, {n:,} as {_described(n, format_name)}: images a CPU second / the best peer's"
    if best is None:
        return check_ratio(at_least, name, (), limit)
    theirs = measurements.by_iteration(best, workload, metric)
    float32 = ratios(measurements.by_iteration(FLOAT32, workload, metric), theirs)
    note = f"float32 {median(float32):.2f}; {best}" if float32 else best
    ours = measurements.by_iteration(DEFAULT, workload, metric)
    return check_ratio(at_least, name, ratios(ours, theirs), limit, note)


def _described(n: int, format_name: str) -> str:
    return "a contact sheet" if n > 1 and format_name == "png" else format_name
