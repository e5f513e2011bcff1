"""`python -m load.bench.gate`: has serving become slower than what is committed? A small bench, ratios only.

    contenders, alone -> rounds -> figures -> [gate] <- ratios.json -> 0 or 1

Every ratio is of one run: the service over the engine alone, over its own floor,
over a bare route. The machine's speed cancels out, but for its noise: a ratio may
be `SLACK` times the committed one and three times the spread that it had then.
One that passes in any of three attempts passes: a neighbour who takes the cores
for a minute makes ratios worse and never better, and a change that makes serving
a sixth slower is slower in all of them. (With a spread of 5 % a single attempt
errs in about one run of a thousand; three in a row do not.)

On another machine, or with another engine, committed ratios say nothing: then the
bounds are those of the claims, and the gate says so.

Ends with 0 if nothing became slower, 1 if something did, 2 if nothing could be measured.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from load.bench.baselines import FLOOR, engine_loop, engine_name, floor
from load.bench.workloads import Cell, drawn_alone, kept_alone, lonely, saturating
from load.bench.criteria import Drawn, beyond_the_engine
from load.bench.servers import BARE, CHOSEN, HTTP_ALONE, OURS, entered
from load.bench.figures import Figures, cpu_s_per_image, ratio
from load.bench.hardware import kind
from load.bench.runner import Round, measure
from load.server import ROOT, ServiceTrouble, engine_of

RATIOS = Path(__file__).parents[1] / "ratios.json"
MODEL = "mnist"
ROUNDS, ATTEMPTS = 5, 3
SLACK, SPREADS = 1.15, 3

NPY, ZIP, ONE = (saturating(MODEL, 1024, "npy"), saturating(MODEL, 64, "zip"), lonely(MODEL, "npy"))
LIMITS = {
    "1,024 as npy / the engine alone": 1.10,
    "64 as zip / floor": 1.50,
    "n = 1 beyond the engine / bare route": 2.0,
}
"""The ratios of the gate, and what the claims want of them."""


@dataclass(frozen=True)
class Ratio:
    """The median of some rounds, and how far they lie apart."""

    median: float
    spread: float
    """Median distance from the median: an outlier does not widen it."""


@dataclass(frozen=True)
class Committed:
    """What a machine found when it was last told to write it down."""

    machine: str
    engine: str
    ratios: Mapping[str, Ratio]


def ratio_of(rounds: list[float]) -> Ratio:
    """Median and spread of one ratio's rounds."""
    middle = median(rounds)
    return Ratio(round(middle, 3), round(median(abs(one - middle) for one in rounds), 3))


def bounds(committed: Committed | None, machine: str, engine: str) -> tuple[dict[str, float], str]:
    """The most that each ratio may be, and where that comes from, in words."""
    if committed is None or (committed.machine, committed.engine) != (machine, engine):
        was = "nothing is committed" if committed is None else f"committed: {committed.machine}, {committed.engine}"
        return dict(LIMITS), f"{was}; here: {machine}, {engine}. Held against the claims' own bounds"
    most = {name: SLACK * one.median + SPREADS * one.spread for name, one in committed.ratios.items()}
    return most, f"committed on such a machine; at most {SLACK} times that and {SPREADS} spreads"


def slower(found: Mapping[str, Ratio], most: Mapping[str, float]) -> list[str]:
    """The ratios that are past their bounds, or were not measured."""
    return [name for name, bound in most.items() if name not in found or found[name].median > bound]


def read_committed(path: Path) -> Committed | None:
    """What is committed; None if nothing is."""
    if not path.exists():
        return None
    fields = json.loads(path.read_text())
    return Committed(fields["machine"], fields["engine"], {k: Ratio(**v) for k, v in fields["ratios"].items()})


def ratios_of(figures: Figures, drawn: Drawn) -> dict[str, Ratio]:
    """The ratios of the gate, from one attempt."""

    def cpu_s(who: str, cell: Cell) -> dict[int, float]:
        return figures.rounds(who, cell, cpu_s_per_image)

    largest = drawn_alone(MODEL, drawn.batch_sizes[-1])
    pairs = (
        (cpu_s(CHOSEN, NPY), cpu_s(engine_name(drawn.engine), largest)),
        (cpu_s(CHOSEN, ZIP), cpu_s(FLOOR, kept_alone(MODEL, 64, "zip"))),
        (beyond_the_engine(figures, MODEL, drawn), cpu_s(BARE, ONE)),
    )
    found = {name: ratio(*pair) for name, pair in zip(LIMITS, pairs, strict=True)}
    return {name: ratio_of(rounds) for name, rounds in found.items() if rounds}


def main() -> int:
    """Measure up to three times; 0 if each ratio was good in one of them."""
    asked = _arguments()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda number, _: sys.exit(128 + number))
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as started:
            plan, drawn = _prepared(Path(folder), started)
            return _write(plan, drawn) if asked.write else _hold(plan, drawn)
    except ServiceTrouble as trouble:
        print(f"Nothing was measured: {trouble}", file=sys.stderr)
        return 2


def _prepared(folder: Path, started: ExitStack) -> tuple[Round, Drawn]:
    service = started.enter_context(entered(OURS[0], MODEL, folder))
    bare = started.enter_context(entered(HTTP_ALONE[0], MODEL, folder))
    service.meter.let_go()
    drawn = Drawn(*engine_of(service.url, MODEL))
    service.meter.hold()
    generator = ROOT / "models" / MODEL / "generator.onnx"
    batches = (drawn.batch_sizes[0], drawn.batch_sizes[-1])
    loops = [engine_loop(drawn_alone(MODEL, batch), drawn.engine, generator) for batch in batches]
    alone = [*loops, floor(kept_alone(MODEL, 64, "zip"))]
    return Round([(service, [NPY, ZIP, ONE]), (bare, [ONE])], alone), drawn


def _hold(plan: Round, drawn: Drawn) -> int:
    most, why = bounds(read_committed(RATIOS), kind(), drawn.engine)
    print(why)
    left = dict(most)
    for attempt in range(ATTEMPTS):
        found = ratios_of(measure(plan, ROUNDS, 1.0, lambda line: print(f"  {line}", flush=True)), drawn)
        late = slower(found, left)
        for name, bound in left.items():
            said = f"{found[name].median:.2f}, spread {found[name].spread:.2f}" if name in found else "not measured"
            print(f"{'SLOW' if name in late else 'pass'}  {name:40} at most {bound:.2f}   found {said}", flush=True)
        left = {name: left[name] for name in late}
        if not left:
            return 0
        print(f"attempt {attempt + 1} of {ATTEMPTS} found something slower than it was", flush=True)
    return 1


def _write(plan: Round, drawn: Drawn) -> int:
    found = ratios_of(measure(plan, ROUNDS, 1.0, lambda line: print(f"  {line}", flush=True)), drawn)
    if missing := slower(found, dict.fromkeys(LIMITS, float("inf"))):
        raise ServiceTrouble(f"not measured: {', '.join(missing)}")
    RATIOS.write_text(json.dumps(asdict(Committed(kind(), drawn.engine, found)), indent=2) + "\n")
    print(RATIOS.read_text())
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.bench.gate", description="Is serving slower than it was?")
    parser.add_argument("--write", action="store_true", help="commit what is found to load/ratios.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
