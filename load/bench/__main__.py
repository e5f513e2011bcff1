"""`python -m load.bench`: our service, its engine and the peers, in one run; or `gate`, `marks`, `scale`, `starts` ...

    servers -> runner -> criteria, report -> [__main__] -> load/README.md, 0 or 1
                                     gate -> [__main__] -> load/ratios.json, 0 or 1
                   marks, starts, workers -> [__main__] -> 0 or 1
                                    scale -> [__main__] -> deploy/SCALE.md, 0

Ends with 0 if every ratio is as expected, 1 if one is not, 2 if nothing could be
measured. This process is the client: what it takes is in the table. `--write`
puts the table into load/README.md; with `gate`, the ratios into load/ratios.json;
with `workers`, its ratios into deploy/measured.json; with `scale`, what follows from
all that into deploy/SCALE.md.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from load.bench.criteria import BenchmarkRun, check_criteria
from load.bench.gate import run_gate
from load.bench.marks import run_marks
from load.bench.report import (
    criteria_table,
    described_machine,
    descriptions_list,
    insert_report,
    measurements_table,
    summary_table,
)
from load.bench.runner import (
    NEVER_VALUES,
    ONCE_VALUES,
    REFERENCE_ENGINE,
    Baseline,
    Plan,
    encode_baseline,
    engine_baseline,
    engine_name,
    least_seconds,
    measure,
    offered_workloads,
)
from load.bench.scale import Assumptions, run_scale
from load.bench.servers import DEFAULT, HTTP_ONLY, OURS, PEERS, UNBATCHED, RunningServer, ServerUnderTest, started
from load.bench.starts import run_starts
from load.bench.workers import run_workers
from load.bench.workloads import (
    SHAPES_HWC,
    Workload,
    highly_concurrent,
    ordered,
    single_client,
    workloads_of,
)
from load.check_result import CheckResult, exit_code
from load.server import MeasurementError, ServedModel, exit_on_signals, served_model, usable_cores

README = Path(__file__).parents[1] / "README.md"
ITERATIONS, QUICK_ITERATIONS, QUICK_LENGTH = 5, 2, 0.4
NOTES = f"""\
CPU is user and system time of all processes of the server. Ratios are taken within an iteration, and are the medians
of the iterations; p50 and p99 are latencies of all iterations' answers, and * marks those of fewer than 100. What a
server does not offer is not there. Where a peer writes JSON as a list of more than {ONCE_VALUES:,} numbers, one
iteration has to do, and lists of more than {NEVER_VALUES:,} are left out."""


def main() -> int:
    """Run the benchmark or the gate; 0 if every ratio is as expected."""
    arguments = _arguments()
    exit_on_signals()
    try:
        return _MODES[arguments.mode](arguments)
    except MeasurementError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2


_MODES: dict[str, Callable[[argparse.Namespace], int]] = {
    "all": lambda arguments: run_benchmark(arguments),
    "gate": lambda arguments: run_gate(arguments.write),
    "marks": lambda _: run_marks(),
    "scale": lambda arguments: run_scale(
        arguments.write, Assumptions(arguments.core_hour, arguments.gigabyte, arguments.busy)
    ),
    "starts": lambda arguments: run_starts(arguments.models_with_older),
    "workers": lambda arguments: run_workers(arguments.write),
}


def run_benchmark(arguments: argparse.Namespace) -> int:
    """Measure, print, and write if that was requested; 0 if every ratio is as expected.

    Raises:
        MeasurementError: our own service does not start.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        plan, models = prepare(arguments.models, arguments.only, Path(folder), stack)
        iterations, length = (QUICK_ITERATIONS, QUICK_LENGTH) if arguments.quick else (ITERATIONS, 1.0)
        print(f"{iterations} iterations of {least_seconds(plan, length) / 60:.1f} minutes or more", flush=True)
        run = BenchmarkRun(measure(plan, iterations, length, lambda line: print(line, flush=True)), models)
    results = check_criteria(run)
    text = report(run, results, plan, iterations)
    print(text)
    if arguments.write:
        README.write_text(insert_report(README.read_text(), text))
        run_scale(write=True, assumed=Assumptions())
    return exit_code(results) or int(bool(run.measurements.errors()))


def prepare(
    models: Sequence[str], only: Sequence[str], folder: Path, stack: ExitStack
) -> tuple[Plan, dict[str, ServedModel]]:
    """Start all servers, suspended; what to request of them, and the models as ours describes them.

    Args:
        models: names, those of `SHAPES_HWC`.
        only: peers whose name has one of these words; all, if there is none.
        folder: for logs.
        stack: stops the servers.

    Raises:
        MeasurementError: our own service does not start.
    """
    plan, served = Plan(), {}
    for server in OURS:
        if (running := _start(server, models[0], folder, stack)) is None:
            continue
        plan.servers.append((running, [one for model in models for one in _workloads_of_ours(server, model)]))
        if server.name == DEFAULT:
            running.processes.resume()
            served = {model: served_model(running.url, model) for model in models}
            running.processes.suspend()
            plan.baselines = [one for model in served.values() for one in baselines_of(model)]
    for server in PEERS:
        for model in models if not only or any(word in server.name for word in only) else ():
            if running := _start(server, model, folder, stack):
                plan.servers.append((running, offered_workloads(running, workloads_of(model))))
    for server in HTTP_ONLY:
        if running := _start(server, models[0], folder, stack):
            plan.servers.append((running, [single_client(models[0], "npy")]))
    return plan, served


def report(run: BenchmarkRun, results: Sequence[CheckResult], plan: Plan, iterations: int) -> str:
    """All of it as Markdown."""
    servers = {running.server.name: running.server for running, _ in plan.servers}
    names = list(dict.fromkeys([*(one.name for one in plan.baselines), *servers]))
    workloads = ordered({workload for _, workload in run.measurements.samples})
    errors = [f"- {name}, {workload}: {error}" for (name, workload), error in run.measurements.errors().items()]
    engines = ", ".join(f"{name} by {model.engine}" for name, model in run.models.items())
    over_http = [workload for workload in workloads if workload.concurrency]
    table = measurements_table(run.measurements, workloads, names)
    return "\n\n".join(
        [
            f"{described_machine()} Drawn: {engines}. "
            f"One process and {usable_cores()} threads each; {iterations} iterations.",
            criteria_table(results),
            NOTES,
            descriptions_list(servers.values()),
            "Images of one CPU second of the server:",
            summary_table(run.measurements, over_http, list(servers)),
            f"<details><summary>All figures</summary>\n\n{table}\n\n</details>",
            *(["Wrong answers:\n\n" + "\n".join(errors)] if errors else []),
        ]
    )


def baselines_of(model: ServedModel) -> list[Baseline]:
    """A model's engine and the reference, in the largest batch, the smallest, and one by one; and with the encoder."""
    engines = {engine_name(one): one for one in (model.engine, REFERENCE_ENGINE)}.values()
    batches = sorted({1, model.batch_sizes[0], model.batch_sizes[-1]})
    loops = [engine_baseline(model, batch, engine) for engine in engines for batch in batches]
    return loops + [encode_baseline(model, n, "zip") for n in (64, 1024)]


def _start(server: ServerUnderTest, model: str, folder: Path, stack: ExitStack) -> RunningServer | None:
    """A server that does not start is reported and left out; without our own there is nothing to measure."""
    print(f"starting {server.name} for {'all models' if server.ours else model}", flush=True)
    try:
        return stack.enter_context(started(server, model, folder))
    except MeasurementError as error:
        if server.name == DEFAULT:
            raise
        print(f"LEFT OUT  {server.name}: {error}", flush=True)
        return None


def _workloads_of_ours(server: ServerUnderTest, model: str) -> list[Workload]:
    if server.name == UNBATCHED:
        return [highly_concurrent(model)]
    return [*workloads_of(model), highly_concurrent(model)] if server.name == DEFAULT else workloads_of(model)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m load.bench", description="Our service against its engine and peers."
    )
    parser.add_argument(
        "mode",
        nargs="?",
        choices=_MODES,
        default="all",
        help="gate: has serving got slower? marks: what do they cost? scale: what would fleets draw, send and cost? "
        "starts: how long until it answers? workers: one with all cores, or one a core?",
    )
    parser.add_argument("--models", nargs="+", choices=SHAPES_HWC, default=list(SHAPES_HWC))
    parser.add_argument(
        "--models-with-older",
        type=Path,
        metavar="FOLDER",
        help="starts: the same models, and older versions of them",
    )
    parser.add_argument("--only", nargs="+", default=[], help="peers whose name has one of these words")
    parser.add_argument("--quick", action="store_true", help="two iterations of short samples")
    parser.add_argument("--write", action="store_true", help="write the table, or the ratios, to the repository")
    assumed = Assumptions()
    parser.add_argument("--core-hour", type=float, default=assumed.core_hour, help="scale: price of a core for an hour")
    parser.add_argument(
        "--gigabyte", type=float, default=assumed.gigabyte, help="scale: price of a GB that is sent out"
    )
    parser.add_argument("--busy", type=float, default=assumed.busy, help="scale: how busy replicas are kept, up to 1")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
