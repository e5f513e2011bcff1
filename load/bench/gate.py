"""The gate: has serving become slower than what is committed? A small benchmark, ratios only.

    servers -> runner -> measurements -> [gate] <- load/ratios.json -> __main__

Every ratio is of one run: the service over the engine alone, over its own codes,
engine and encoder, over a bare route. The machine's speed cancels out, but for its
noise: a ratio may be `SLACK` times the committed one plus three times the spread
that it had then. One that passes in any of three attempts passes: other work on
these cores makes ratios worse and never better, and a change that makes serving
a sixth slower is slower in all of them. (With a spread of 5 % a single attempt
errs in about one run of a thousand; three in a row do not.)

On another machine, or with another engine, committed ratios say nothing: then the
limits are those of the benchmark's criteria, and the gate says so.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from load.bench.criteria import beyond_the_engine
from load.bench.measurements import Measurements, cpu_s_per_image, ratios
from load.bench.report import machine
from load.bench.runner import ENCODE_NAME, Plan, encode_baseline, engine_baseline, engine_name, measure
from load.bench.servers import BARE, DEFAULT, HTTP_ONLY, OURS, started
from load.bench.workloads import Workload, encode_only, engine_only, saturated, single_client
from load.check_result import CheckResult, at_most, print_results
from load.server import MeasurementError, ServedModel, served_model

RATIOS = Path(__file__).parents[1] / "ratios.json"
MODEL = "mnist"
ITERATIONS, ATTEMPTS = 5, 3
SLACK, SPREADS = 1.15, 3

NPY, ZIP, SINGLE = (saturated(MODEL, 1024, "npy"), saturated(MODEL, 64, "zip"), single_client(MODEL, "npy"))
LIMITS = {
    "1,024 as npy / the engine alone": 1.10,
    "64 as zip / codes, engine and encoder": 1.50,
    "n = 1 beyond the engine / bare route": 2.0,
}
"""The ratios of the gate, and what the benchmark's criteria allow."""


@dataclass(frozen=True)
class Ratio:
    """The median of some iterations, and how far they lie apart."""

    median: float
    spread: float
    """Median distance from the median: an outlier does not widen it."""


@dataclass(frozen=True)
class CommittedRatios:
    """What a machine found when the ratios were last committed."""

    machine: str
    engine: str
    ratios: Mapping[str, Ratio]


def run_gate(write: bool) -> int:
    """Measure up to three times; 0 if each ratio passed in one of them.

    Args:
        write: measure once and commit what is found to load/ratios.json instead.

    Raises:
        MeasurementError: a server does not start, or a ratio that is to be committed was not measured.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        plan, model = _prepare(Path(folder), stack)
        return _write(plan, model) if write else _check(plan, model)


def summarize(by_iteration: list[float]) -> Ratio:
    """Median and spread of one ratio's iterations."""
    middle = median(by_iteration)
    return Ratio(round(middle, 3), round(median(abs(one - middle) for one in by_iteration), 3))


def limits_for(committed: CommittedRatios | None, machine: str, engine: str) -> tuple[dict[str, float], str]:
    """The most that each ratio may be, and where that comes from, in words."""
    if committed is None or (committed.machine, committed.engine) != (machine, engine):
        was = "nothing is committed" if committed is None else f"committed: {committed.machine}, {committed.engine}"
        return dict(LIMITS), f"{was}; here: {machine}, {engine}. The limits are those of the benchmark's criteria"
    limits = {name: SLACK * one.median + SPREADS * one.spread for name, one in committed.ratios.items()}
    return limits, f"committed on such a machine; at most {SLACK} times that and {SPREADS} spreads"


def check_ratios(found: Mapping[str, Ratio], limits: Mapping[str, float]) -> dict[str, CheckResult]:
    """A result for each limit, by name; a ratio that was not measured does not pass."""
    medians = {name: found[name].median if name in found else None for name in limits}
    return {name: at_most(name, medians[name], limit, digits=".2f") for name, limit in limits.items()}


def read_committed(path: Path) -> CommittedRatios | None:
    """What is committed; None if nothing is."""
    if not path.exists():
        return None
    fields = json.loads(path.read_text())
    return CommittedRatios(fields["machine"], fields["engine"], {k: Ratio(**v) for k, v in fields["ratios"].items()})


def gate_ratios(measurements: Measurements, model: ServedModel) -> dict[str, Ratio]:
    """The ratios of the gate, from one attempt."""

    def cpu_s(name: str, workload: Workload) -> dict[int, float]:
        return measurements.by_iteration(name, workload, cpu_s_per_image)

    largest = engine_only(MODEL, model.batch_sizes[-1])
    pairs = (
        (cpu_s(DEFAULT, NPY), cpu_s(engine_name(model.engine), largest)),
        (cpu_s(DEFAULT, ZIP), cpu_s(ENCODE_NAME, encode_only(MODEL, 64, "zip"))),
        (beyond_the_engine(measurements, model), cpu_s(BARE, SINGLE)),
    )
    found = {name: ratios(*pair) for name, pair in zip(LIMITS, pairs, strict=True)}
    return {name: summarize(by_iteration) for name, by_iteration in found.items() if by_iteration}


def _prepare(folder: Path, stack: ExitStack) -> tuple[Plan, ServedModel]:
    service = stack.enter_context(started(OURS[0], MODEL, folder))
    bare = stack.enter_context(started(HTTP_ONLY[0], MODEL, folder))
    service.processes.resume()
    model = served_model(service.url, MODEL)
    service.processes.suspend()
    batches = (model.batch_sizes[0], model.batch_sizes[-1])
    engines = [engine_baseline(model, batch, model.engine) for batch in batches]
    baselines = [*engines, encode_baseline(model, 64, "zip")]
    return Plan([(service, [NPY, ZIP, SINGLE]), (bare, [SINGLE])], baselines), model


def _measure(plan: Plan, model: ServedModel) -> dict[str, Ratio]:
    return gate_ratios(measure(plan, ITERATIONS, 1.0, lambda line: print(f"  {line}", flush=True)), model)


def _check(plan: Plan, model: ServedModel) -> int:
    limits, source = limits_for(read_committed(RATIOS), machine(), model.engine)
    print(source)
    for attempt in range(ATTEMPTS):
        found = _measure(plan, model)
        results = check_ratios(found, limits)
        print_results(results.values())
        print(f"  spreads: {', '.join(f'{found[name].spread:.2f}' for name in limits if name in found)}", flush=True)
        limits = {name: limit for name, limit in limits.items() if not results[name].passed}
        if not limits:
            return 0
        print(f"attempt {attempt + 1} of {ATTEMPTS} found something slower than it was", flush=True)
    return 1


def _write(plan: Plan, model: ServedModel) -> int:
    found = _measure(plan, model)
    if missing := LIMITS.keys() - found.keys():
        raise MeasurementError(f"not measured: {', '.join(sorted(missing))}")
    RATIOS.write_text(json.dumps(asdict(CommittedRatios(machine(), model.engine, found)), indent=2) + "\n")
    print(RATIOS.read_text())
    return 0
