"""`python -m load.bench`: our service, the engine alone and the peers, in one run and one table.

    contenders, alone -> rounds -> figures -> claims -> a table, and 0 or 1

Ends with 0 if every ratio is as wanted, 1 if one is not, 2 if nothing could be
measured. This process is the client: what it takes is in the table. `--write`
puts the table into load/README.md.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from load.bench.baselines import Alone, engine_loop, engine_name, floor
from load.bench.workloads import SHAPES_HWC, Cell, cells_of, crowded, drawn_alone, in_order, kept_alone, lonely
from load.bench.criteria import Claim, Drawn, Run, claims
from load.bench.servers import CHOSEN, HTTP_ALONE, LONERS, OURS, PEERS, Contender, Running, entered
from load.bench.engine import REFERENCE, usable_cores
from load.bench.hardware import described
from load.bench.report import claims_table, figures_table, placed, settings_list, summary_table
from load.bench.runner import NEVER_NUMBERS, ONCE_NUMBERS, Round, measure, offered, seconds_of_a_round
from load.server import ROOT, ServiceTrouble, engine_of

README = Path(__file__).parents[1] / "README.md"
ROUNDS, QUICK_ROUNDS, QUICK = 5, 2, 0.4
SMALL_PRINT = f"""\
CPU is user and system time of all processes of the server. Ratios are taken within a round, and are the medians of the
rounds; p50 and p99 are of all rounds' answers, and * marks those of fewer than 100. What a contender does not offer is
not there. Where a peer writes JSON as a list of more than {ONCE_NUMBERS:,} numbers, one round has to do, and
lists of more than {NEVER_NUMBERS:,} are left out."""


def main() -> int:
    """Measure, print, and write if asked to; 0 if every ratio is as wanted."""
    asked = _arguments()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda number, _: sys.exit(128 + number))  # so that what was started is stopped too
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as started:
            plan, drawn = prepared(asked.models, asked.only, Path(folder), started)
            rounds, shortened = (QUICK_ROUNDS, QUICK) if asked.quick else (ROUNDS, 1.0)
            print(f"{rounds} rounds of {seconds_of_a_round(plan, shortened) / 60:.1f} minutes or more", flush=True)
            run = Run(measure(plan, rounds, shortened, lambda line: print(line, flush=True)), drawn)
    except ServiceTrouble as trouble:
        print(f"Nothing was measured: {trouble}", file=sys.stderr)
        return 2
    found = claims(run)
    page = told(run, found, plan, rounds)
    print(page)
    if asked.write:
        README.write_text(placed(README.read_text(), page))
    return 0 if all(claim.passed for claim in found) and not run.figures.faults() else 1


def prepared(
    models: Sequence[str], only: Sequence[str], folder: Path, started: ExitStack
) -> tuple[Round, dict[str, Drawn]]:
    """Start all contenders, held still; what to ask them, and by what ours draws each model.

    Raises:
        ServiceTrouble: our own service does not start.
    """
    plan, drawn = Round(), {}
    for contender in OURS:
        if (running := _start(contender, models[0], folder, started)) is None:
            continue
        plan.turns.append((running, [cell for model in models for cell in _asked_of_ours(contender, model)]))
        if contender.name == CHOSEN:
            drawn, plan.alone = _alone(running, models)
    for contender in PEERS:
        for model in models if not only or any(word in contender.name for word in only) else ():
            if running := _start(contender, model, folder, started):
                plan.turns.append((running, offered(running, cells_of(model))))
    for contender in HTTP_ALONE:
        if running := _start(contender, models[0], folder, started):
            plan.turns.append((running, [lonely(models[0], "npy")]))
    return plan, drawn


def told(run: Run, found: Sequence[Claim], plan: Round, rounds: int) -> str:
    """All of it as Markdown."""
    who = list(dict.fromkeys([*(one.name for one in plan.alone), *(turn.contender.name for turn, _ in plan.turns)]))
    cells = in_order({cell for _, cell in run.figures.windows})
    faults = [f"- {name}, {cell}: {fault}" for (name, cell), fault in run.figures.faults().items()]
    engines = ", ".join(f"{model} by {one.engine}" for model, one in run.drawn.items())
    asked = [cell for cell in cells if cell.callers]
    named = [turn.contender.name for turn, _ in plan.turns]
    return "\n\n".join(
        [
            f"{described()} Drawn: {engines}. One process and {usable_cores()} threads each; {rounds} rounds.",
            claims_table(found),
            SMALL_PRINT,
            settings_list({turn.contender.name: turn.contender for turn, _ in plan.turns}.values()),
            "Pictures of one CPU second of the server:",
            summary_table(run.figures, asked, list(dict.fromkeys(named))),
            f"<details><summary>All figures</summary>\n\n{figures_table(run.figures, cells, who)}\n\n</details>",
            *(["Wrong answers:\n\n" + "\n".join(faults)] if faults else []),
        ]
    )


def _start(contender: Contender, model: str, folder: Path, started: ExitStack) -> Running | None:
    """A contender that does not start is told and left out; without our own there is nothing to measure."""
    print(f"starting {contender.name} for {'all models' if contender.ours else model}", flush=True)
    try:
        return started.enter_context(entered(contender, model, folder))
    except ServiceTrouble as trouble:
        if contender.name == CHOSEN:
            raise
        print(f"LEFT OUT  {contender.name}: {trouble}", flush=True)
        return None


def _asked_of_ours(contender: Contender, model: str) -> list[Cell]:
    if contender.name == LONERS:
        return [crowded(model)]
    return [*cells_of(model), crowded(model)] if contender.name == CHOSEN else cells_of(model)


def _alone(running: Running, models: Sequence[str]) -> tuple[dict[str, Drawn], list[Alone]]:
    """By what ours draws each model, and what is measured without HTTP."""
    drawn, alone = {}, []
    running.meter.let_go()
    for model in models:
        drawn[model] = Drawn(*engine_of(running.url, model))
        alone += loops(model, drawn[model]) + [floor(kept_alone(model, n, "zip")) for n in (64, 1024)]
    running.meter.hold()
    return drawn, alone


def loops(model: str, drawn: Drawn) -> list[Alone]:
    """Its engine and the reference, each in the largest batch, the smallest, and one by one."""
    generator = ROOT / "models" / model / "generator.onnx"
    engines = {engine_name(one): one for one in (drawn.engine, REFERENCE)}.values()
    batches = sorted({1, drawn.batch_sizes[0], drawn.batch_sizes[-1]})
    return [engine_loop(drawn_alone(model, batch), engine, generator) for engine in engines for batch in batches]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.bench", description="Our service against the peers.")
    parser.add_argument("--models", nargs="+", choices=SHAPES_HWC, default=list(SHAPES_HWC))
    parser.add_argument("--only", nargs="+", default=[], help="peers whose name has one of these words")
    parser.add_argument("--quick", action="store_true", help="two rounds of short windows")
    parser.add_argument("--write", action="store_true", help="put the table into load/README.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
