"""How fast the engines draw a model here, and whether the rule selects well: `zoetrope benchmark NAME`.

    bundle, engine_selection, fidelity, runtime -> benchmark -> a table, one line of JSON, or the card

Without `--stage` every engine of the device draws in turns, and a table shows
where the rule is more than 1.25 times slower than the fastest engine that it may
select. With `--stage` one engine does one kind of work in this process, and one
line of JSON says what it took: the graph alone (engine), codes and the graph
(codes), or codes, graph and encoder, as for answers over HTTP (encode). Each
stage contains the one before it, so their differences are what each adds.
`--write` measures fidelity, multiply-adds and directions and fills them into the
bundle: a step of publishing, never of serving. Nothing here runs when a service starts.

Letters: N pictures    Z numbers in a code
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, find_bundle, open_bundle
from models.bundle_writer import write_directions, write_fidelity
from models.card import Card
from models.codes import codes
from models.command_line import OneLineParser
from models.cores import usable_cores
from models.directions import LEADING, encode_directions, measure_directions
from models.engine import (
    Device,
    EngineName,
    Library,
    Precision,
    Rows,
    pad_rows,
    processor_name,
    reference_on,
)
from models.engine_selection import Selection, allowed_engines, engine_rule, this_machine, vouches_for
from models.errors import EngineUnavailable, ModelError
from models.fidelity import measure_fidelity
from models.graph import count_multiply_adds
from models.runtime import Runtime

OFF = 1.25
"""The rule is off where another engine that it may select is more than so many times as fast."""
_ROUNDS = 5

Encode = Callable[[Runtime, int, str, int], Iterable[bytes]]
"""(runtime, n, format, seed) -> the pieces of an answer with n pictures; `service.sample` has it."""


@dataclass(frozen=True)
class Speed:
    """One engine on one model."""

    name: EngineName
    description: str
    images_per_s: float
    times: float
    """The reference's rate is 1: the median over batches that were drawn in turns."""


@dataclass(frozen=True)
class Missing:
    """An engine that is not available here."""

    name: EngineName
    reason: str


def measure_speeds(
    bundle: Bundle, names: Sequence[EngineName], threads: int | None = None, seconds: float = 3.0
) -> tuple[list[Speed], list[Missing]]:
    """Draw batch by batch with each engine in turns, so that a busy machine slows all of them alike.

    Args:
        names: the first of them that is available is the reference.
        threads: see `Runtime`.
        seconds: of drawing, for all engines together; each draws five batches at least.

    Raises:
        EngineUnavailable: none of them is available; says why of each.
    """
    runtimes, missing = _loaded(bundle, names, threads)
    batch = min(runtime.batch_sizes[-1] for runtime in runtimes.values())
    taken_s: dict[EngineName, list[float]] = {name: [] for name in runtimes}
    for round_, start in enumerate(range(0, sys.maxsize, batch)):
        if round_ >= _ROUNDS and sum(map(sum, taken_s.values())) > seconds:
            break
        for name, runtime in runtimes.items():
            begin_s = time.perf_counter()
            runtime.generate(0, start, batch)
            taken_s[name].append(time.perf_counter() - begin_s)
    reference_s = next(iter(taken_s.values()))
    return [
        Speed(
            name=name,
            description=runtime.engine,
            images_per_s=batch / median(taken_s[name]),
            times=median(theirs / ours for theirs, ours in zip(reference_s, taken_s[name], strict=True)),
        )
        for name, runtime in runtimes.items()
    ], missing


def fastest_allowed(speeds: Sequence[Speed], card: Card) -> Speed | None:
    """The fastest of what the rule may select: float32 in onnxruntime, and what the card vouches for; None of none."""
    return max(
        (
            speed
            for speed in speeds
            if speed.name == reference_on(speed.name.device)
            or (speed.name.precision != "float32" and vouches_for(card, speed.name.precision))
        ),
        key=lambda speed: speed.times,
        default=None,
    )


def run_stage(
    stage: str, runtime: Runtime, batch: int, n: int, file_format: str, seconds: float, encode: Encode | None
) -> dict[str, object]:
    """Do one kind of work for some time, warm: the line of JSON that `--stage` prints, without its model.

    Raises:
        ValueError: the stage is encode, and there is no encoder; or the batch is not a power of two.
    """
    if batch < 1 or batch & (batch - 1):
        raise ValueError(f"--batch is {batch}; it must be a power of two, as the sizes that engines draw are")
    if stage == "encode" and encode is None:
        raise ValueError("the stage encode needs the encoders of the service: run `zoetrope benchmark`")
    work = _work(stage, runtime, batch, n, file_format, encode)
    for _ in range(2):
        next(work)
    images, cpu_s, begin_s = 0, time.process_time(), time.perf_counter()
    while (wall_s := time.perf_counter() - begin_s) < seconds:
        images += next(work)
    return {
        "engine": runtime.engine,
        "stage": stage,
        "batch_size": runtime.batch_sizes[-1] if stage == "encode" else batch,
        "images": images,
        "cpu_s": time.process_time() - cpu_s,
        "wall_s": wall_s,
    }


def _work(stage: str, runtime: Runtime, batch: int, n: int, file_format: str, encode: Encode | None) -> Iterator[int]:
    """Endless work of a stage, one batch or answer at a time; yields the pictures of each."""
    if stage == "engine":
        prepared = _inputs(runtime, batch)
        while True:
            runtime.generator.run(*prepared)
            yield batch
    for seed in count():
        if stage == "codes" or encode is None:
            runtime.generate(seed, 0, batch)
            yield batch
        else:
            for _ in encode(runtime, n, file_format, seed):
                pass
            yield n


def _inputs(runtime: Runtime, batch: int) -> list[Rows]:
    labels_N = runtime.labels(0, 0, batch)
    classes_N = None if labels_N is None else runtime.class_rows(labels_N)
    given: list[Rows | None] = [codes(0, 0, batch, runtime.card.code_size), classes_N]
    return [pad_rows(rows, batch) for rows in given if rows is not None]


def _loaded(
    bundle: Bundle, names: Sequence[EngineName], threads: int | None
) -> tuple[dict[EngineName, Runtime], list[Missing]]:
    runtimes, missing = {}, []
    for name in names:
        try:
            runtimes[name] = Runtime(bundle, name, threads, warm_all=False)
        except EngineUnavailable as error:
            missing.append(Missing(name, str(error)))
    if not runtimes:
        raise EngineUnavailable("; ".join(one.reason for one in missing))
    return runtimes, missing


def main(argv: Sequence[str] | None = None, encode: Encode | None = None) -> int:
    """The command. Prints a table, a line of JSON, or what was written into the card.

    Args:
        argv: without the name of the command.
        encode: draws and encodes an answer, for the stage encode.
    """
    try:
        options = _parser().parse_args(argv)
        bundle = open_bundle(find_bundle(options.model))
        if options.write:
            print(_write(bundle, options.threads))
            return 0
        selection = engine_rule(bundle.card, this_machine(), options.device, options.engine, options.precision)
        if options.stage:
            print(json.dumps(_stage_line(bundle, selection, options, encode)))
            return 0
        names = allowed_engines(options.device)
        speeds, missing = measure_speeds(bundle, names, options.threads, options.seconds)
        print("\n".join(_table(bundle.card, selection, speeds, missing)))
    except (ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"error: --write needs the package {error.name}. Install the extra [train].", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="zoetrope benchmark", description="How fast the engines draw a model here, and what the rule selects."
    )
    parser.add_argument("model", help="a bundle's folder, or its name in $ZOETROPE_MODELS (by default ./models)")
    parser.add_argument("--stage", choices=("engine", "codes", "encode"), help="one kind of work; prints JSON")
    parser.add_argument("--device", choices=get_args(Device), default="cpu")
    parser.add_argument("--engine", choices=get_args(Library), help="by the rule, if not given")
    parser.add_argument("--precision", choices=get_args(Precision), help="by the rule, if not given")
    parser.add_argument("--batch", type=int, help="pictures of a call of engine and codes; the largest size by default")
    parser.add_argument("--n", type=int, default=1_024, help="pictures of an answer of the stage encode")
    parser.add_argument("--format", default="zip", help="of an answer of the stage encode")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to measure")
    parser.add_argument("--threads", type=int, help="CPU threads of one call; all cores, if not given")
    parser.add_argument(
        "--write", action="store_true", help="fill fidelity, multiply-adds and directions into the bundle"
    )
    return parser


def _stage_line(
    bundle: Bundle, selection: Selection, options: argparse.Namespace, encode: Encode | None
) -> dict[str, object]:
    runtime = Runtime(bundle, selection.name, options.threads)
    batch = options.batch or runtime.batch_sizes[-1]
    found = run_stage(options.stage, runtime, batch, options.n, options.format, options.seconds, encode)
    return {"model": bundle.card.name, "version": bundle.card.version, **found}


def _write(bundle: Bundle, threads: int | None) -> str:
    """Measure what the engine rule reads and the directions, keep what other machines measured, and write both."""
    found = measure_fidelity(bundle, threads)
    card = write_fidelity(bundle.path, {**bundle.card.fidelity, **found}, count_multiply_adds(bundle.generator)).card
    assert card.compute is not None
    directions_ZZ = measure_directions(bundle, threads)
    if directions_ZZ is not None:
        write_directions(bundle.path, encode_directions(directions_ZZ))
    lines = [
        f"{card.name} {card.version}",
        f"{card.compute.multiply_adds:,} multiply-adds a picture, {card.compute.conv_share:.1%} of them in Conv",
    ]
    lines += [
        f"{precision}: {one.worst_db:.1f} dB from float32 at worst, {one.median_db:.1f} in the median, "
        f"{one.images:,} pictures" + ("" if precision in found else " (measured before)")
        for precision, one in card.fidelity.items()
    ]
    if not card.fidelity:
        lines.append("no reduced precision is available here to measure")
    lines.append(_directions_line(directions_ZZ))
    return "\n".join(lines)


def _directions_line(directions_ZZ: NDArray[np.float32] | None) -> str:
    if directions_ZZ is None:
        return "directions: the graph does not end in one rounding, so none are measured"
    squares_Z = np.square(directions_ZZ).sum(axis=1)
    share = squares_Z[:LEADING].sum() / max(squares_Z.sum(), 1e-12)
    return f"directions: the first {LEADING} of {len(directions_ZZ)} hold {share:.0%} of what a code changes"


_FIDELITY = "dB worst / median"
_HOW_TO_READ = """\
times: the rate over that of the first engine, in the median of batches drawn in
turns. dB: from float32, as the card has it."""


def _table(card: Card, selection: Selection, speeds: Sequence[Speed], missing: Sequence[Missing]) -> list[str]:
    lines = [
        f"{card.name} {card.version} on {processor_name()}, {usable_cores()} cores",
        f"{'engine':32}  images/s  times  {_FIDELITY:18}",
    ]
    for speed in speeds:
        mark = "  selected" if speed.name == selection.name else ""
        lines.append(
            f"{speed.description:32} {speed.images_per_s:9,.0f}  {speed.times:5.2f}  "
            f"{_fidelity(card, speed.name):18}{mark}".rstrip()
        )
    lines += [f"{one.name!s:32} not available: {one.reason}" for one in missing]
    lines.append(_HOW_TO_READ)
    lines.append(f"The rule selects {selection.name}: {selection.reason}.")
    selected = next((speed for speed in speeds if speed.name == selection.name), None)
    best = fastest_allowed(speeds, card)
    if selected and best and best.times > OFF * selected.times:
        lines.append(f"The rule is off here: {best.name} is {best.times / selected.times:.2f} times as fast.")
    return lines


def _fidelity(card: Card, name: EngineName) -> str:
    if name.precision == "float32":
        return ""
    found = card.fidelity.get(name.precision)
    if found is None:
        return "never measured"
    return f"{found.worst_db:.1f} / {found.median_db:.1f}"


if __name__ == "__main__":
    sys.exit(main())
