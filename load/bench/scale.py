"""What fleets of replicas draw, send and cost, computed from what was measured: the tables of deploy/SCALE.md.

    load/README.md (make bench) -> last_run -> [scale] -> __main__ -> deploy/SCALE.md
    deploy/measured.json (other commands) ----^

Arithmetic alone: nothing is measured here, and a figure that was not measured is a
place that says so. Prices are assumptions, which options replace. Replicas share no
work when they draw, so a fleet's rate is a replica's, times how many there are: the
page has next to it what two were measured to be.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from load.bench.last_run import Benchmark, read_benchmark
from load.bench.report import insert_report, table
from load.bench.runner import ENCODE_NAME, engine_name
from load.bench.servers import DEFAULT, FLOAT32
from load.bench.workloads import SHAPES_HWC, encode_only, engine_only, saturated

ROOT = Path(__file__).parents[2]
BENCHMARK, FRONT, PAGE = ROOT / "load" / "README.md", ROOT / "deploy" / "measured.json", ROOT / "deploy" / "SCALE.md"
MARKERS = "<!-- scale: begin -->", "<!-- scale: end -->"
PICTURES = 10**9
FLEETS = 1, 100, 10_000
HITS = 0.9, 0.99
"""Shares of requests that a cache answers."""
AS_PIXELS, ONE_PNG = "1,024 as npy", "one PNG"
KINDS = ((1024, "npy", AS_PIXELS), (1024, "zip", "1,024 as zip"), (1, "png", ONE_PNG))
"""What a request asks for: pictures for programs, files for people, and a picture at its permanent URL."""
FILE_BYTES = {("mnist", "zip"): 1128, ("mnist", "png"): 1031, ("eurosat", "zip"): 8112, ("eurosat", "png"): 8016}
"""Of a picture, marks included: the mean of the first 1,024 of seed 7. tests/test_scale.py draws them."""
HEAD_BYTES = 450
"""Of the head of an answer with a picture at its permanent URL; tests/test_images.py counts them."""
LARGEST_BATCH = {"mnist": 256, "eurosat": 64}
CONNECTIONS_KEPT, CONNECTIONS_OF_POSTGRESQL = 5, 100
"""Of a replica (SQLAlchemy's pool), and PostgreSQL's default `max_connections`."""


def multiple_of_workers(n: int, format_name: str) -> str:
    """The name of a ratio: of the rate of one worker a core over that of one worker with all cores."""
    return f"n = {n:,} as {format_name}, a worker a core / one"


_REPLICAS, _WORKERS = "python .ci/deploy/measure.py --write", "python -m load.bench workers --write"
MULTIPLES = {
    "cached / not cached": _REPLICAS,
    **{f"n = {n}, two replicas / one": _REPLICAS for n in (1, 64)},
    **{multiple_of_workers(*kind): _WORKERS for kind in ((1, "png"), (64, "npy"), (1024, "npy"))},
}
"""What is worth measuring, and the command that does."""
NOT_MEASURED = "not measured yet"


@dataclass(frozen=True)
class Assumptions:
    """What no measurement says."""

    core_hour: float = 0.04
    """Price of one core for one hour."""
    gigabyte: float = 0.05
    """Price of 10^9 bytes that leave the provider's network."""
    busy: float = 0.7
    """The share of its measured rate that a replica is planned with: queues grow without end towards 1."""
    line_gbit_s: float = 10.0
    """What one front sends."""


@dataclass(frozen=True)
class Replica:
    """One service on the machine of the benchmark, which answers one kind of request."""

    model: str
    kind: str
    cores: int
    """That it has."""
    images_per_s: float
    """By the engine that the service chooses here."""
    images_per_s_float32: float
    """Pinned to what deploy/kubernetes.yaml pins, because nodes may differ."""
    cores_busy: float
    engine_share: float
    """Of its CPU time: the engine, in its largest batches."""
    encoding_share: float | None
    """Codes and encoder; None where they were not measured apart."""
    picture_bytes: float

    def fleet_images_per_s(self, replicas: int, assumed: Assumptions) -> float:
        """Pictures a second that so many are planned to draw."""
        return replicas * self.images_per_s * assumed.busy

    def fleet_gbit_s(self, replicas: int, assumed: Assumptions) -> float:
        """What leaves them."""
        return self.fleet_images_per_s(replicas, assumed) * self.picture_bytes * 8 / 1e9

    def core_hours(self, assumed: Assumptions) -> float:
        """Of 10^9 pictures: cores are paid for while they are held, busy or not."""
        return PICTURES / self.fleet_images_per_s(1, assumed) * self.cores / 3600

    def core_hours_float32(self, assumed: Assumptions) -> float:
        """The same, pinned."""
        return self.core_hours(assumed) * self.images_per_s / self.images_per_s_float32

    def gigabytes(self) -> float:
        """Of 10^9 pictures."""
        return PICTURES * self.picture_bytes / 1e9

    def prices(self, assumed: Assumptions) -> tuple[float, float]:
        """Of 10^9 pictures: to draw them, and to send them out."""
        return self.core_hours(assumed) * assumed.core_hour, self.gigabytes() * assumed.gigabyte

    def replicas_of_a_line(self, assumed: Assumptions) -> float:
        """How many fill the line of one front."""
        return assumed.line_gbit_s / self.fleet_gbit_s(1, assumed)


def replica_of(found: Benchmark, model: str, n: int, format_name: str, kind: str) -> Replica:
    """One replica, by what was measured of it.

    Raises:
        KeyError: the benchmark has not measured it.
    """
    ours = found.points[DEFAULT, saturated(model, n, format_name)]
    engine = found.points[engine_name(found.engines[model]), engine_only(model, LARGEST_BATCH[model])]
    whole = found.points.get((ENCODE_NAME, encode_only(model, n, format_name)))
    height, width, channels = SHAPES_HWC[model]
    return Replica(
        model,
        kind,
        found.cores,
        ours.images_per_s,
        found.points[FLOAT32, saturated(model, n, format_name)].images_per_s,
        ours.images_per_s * ours.cpu_s,
        engine.cpu_s / ours.cpu_s,
        None if whole is None else max(0.0, whole.cpu_s - engine.cpu_s) / ours.cpu_s,
        FILE_BYTES.get((model, format_name), height * width * channels) + (HEAD_BYTES if n == 1 else 0),
    )


def tables(found: Benchmark, front: Mapping[str, Any] | None, assumed: Assumptions = Assumptions()) -> str:
    """All tables of the page.

    Args:
        front: what the commands of `MULTIPLES` found; None where none has been run.
    """
    replicas = [replica_of(found, model, *kind) for model, kind in product(SHAPES_HWC, KINDS)]
    parts = [
        ("One replica", _source(found), _of_one(replicas)),
        ("A billion pictures", _assumed(assumed), _of_a_billion(replicas, assumed)),
        ("1, 100 and 10,000 replicas", "", _of_fleets(replicas, assumed)),
        ("Single MNIST pictures a second with a cache in front", "", _of_caches(replicas, front, assumed)),
        ("What is reached at how many replicas", "", _of_limits(replicas, assumed)),
        ("Several against one, measured", _front_source(front), _of_multiples(front)),
    ]
    return "\n\n".join(text for title, words, rows in parts for text in (f"**{title}.** {words}".strip(), rows))


def page_with(page: str, assumed: Assumptions = Assumptions()) -> str:
    """The page, with the tables that follow from what is committed."""
    front = json.loads(FRONT.read_text()) if FRONT.exists() else None
    return insert_report(page, tables(read_benchmark(BENCHMARK.read_text()), front, assumed), MARKERS)


def run_scale(write: bool, assumed: Assumptions) -> int:
    """Print the tables, or write them into the page."""
    if write:
        PAGE.write_text(page_with(PAGE.read_text(), assumed))
    else:
        print(page_with("\n".join(MARKERS), assumed))
    return 0


def keep(found: Mapping[str, Any], ratios: Mapping[str, float]) -> None:
    """Keep what a command measured, with what others did, and write the page.

    Args:
        found: fields of deploy/measured.json.
        ratios: by their names in `MULTIPLES`.
    """
    kept = json.loads(FRONT.read_text()) if FRONT.exists() else {"ratios": {}}
    rounded = {name: float(f"{ratio:.3g}") for name, ratio in ratios.items()}
    FRONT.write_text(json.dumps({**kept, **found, "ratios": kept["ratios"] | rounded}, indent=2) + "\n")
    run_scale(write=True, assumed=Assumptions())


def _of_one(replicas: Sequence[Replica]) -> str:
    head = (
        "model", "request", "pictures/s", "by float32", "cores busy", "engine", "the rest", "of it codes and encoder",
        "bytes",
    )  # fmt: skip
    rows = []
    for one in replicas:
        encoding = "" if one.encoding_share is None else f"{one.encoding_share:.0%}"
        shares = (f"{one.engine_share:.0%}", f"{1 - one.engine_share:.0%}", encoding)
        rates = (f"{one.images_per_s:,.0f}", f"{one.images_per_s_float32:,.0f}", f"{one.cores_busy:.2f}")
        rows.append((one.model, one.kind, *rates, *shares, f"{one.picture_bytes:,.0f}"))
    return table(head, rows)


def _of_a_billion(replicas: Sequence[Replica], assumed: Assumptions) -> str:
    head = ("model", "request", "core-hours", "by float32", "GB", "to draw", "to send", "together")
    rows = []
    for one in replicas:
        draw, send = one.prices(assumed)
        hours = map(_rounded, (one.core_hours(assumed), one.core_hours_float32(assumed)))
        amounts = map(_rounded, (one.gigabytes(), draw, send, draw + send))
        rows.append((one.model, one.kind, *hours, *amounts))
    return table(head, rows)


def _of_fleets(replicas: Sequence[Replica], assumed: Assumptions) -> str:
    head = ("replicas", "model", "request", "pictures/s", "Gbit/s", "a billion in", "cores, an hour", "sent, an hour")
    rows = []
    for count, one in product(FLEETS, _ends(replicas)):
        images_per_s, gbit_s = one.fleet_images_per_s(count, assumed), one.fleet_gbit_s(count, assumed)
        prices = count * one.cores * assumed.core_hour, gbit_s / 8 * 3600 * assumed.gigabyte
        figures = (_rounded(images_per_s), _rounded(gbit_s), _duration(PICTURES / images_per_s))
        rows.append((f"{count:,}", one.model, one.kind, *figures, *map(_rounded, prices)))
    return table(head, rows)


def _of_caches(replicas: Sequence[Replica], front: Mapping[str, Any] | None, assumed: Assumptions) -> str:
    shares = [f"{hits:.0%} hits" for hits in HITS]
    head = ("replicas", "no cache", *shares, *(f"cores of nginx, {share}" for share in shares))
    (one,) = (one for one in replicas if (one.model, one.kind) == ("mnist", ONE_PNG))
    rows = []
    for count in FLEETS:
        drawn = one.fleet_images_per_s(count, assumed)
        answered = [drawn / (1 - hits) for hits in HITS]
        cores = [_nginx_cores(requests - drawn, drawn, front) for requests in answered]
        rows.append((f"{count:,}", *map(_rounded, (drawn, *answered)), *cores))
    return table(head, rows)


def _nginx_cores(cached_per_s: float, drawn_per_s: float, front: Mapping[str, Any] | None) -> str:
    if front is None or "nginx_cpu_s" not in front:
        return NOT_MEASURED
    cpu_s = front["nginx_cpu_s"]
    return _rounded(cached_per_s * cpu_s["cached"] + drawn_per_s * cpu_s["not cached"])


def _of_limits(replicas: Sequence[Replica], assumed: Assumptions) -> str:
    line = f"one line of {assumed.line_gbit_s:g} Gbit/s is full"
    database = f"PostgreSQL's {CONNECTIONS_OF_POSTGRESQL} connections are taken, up to {CONNECTIONS_KEPT} kept by each"
    rows = [
        (database, f"{CONNECTIONS_OF_POSTGRESQL // CONNECTIONS_KEPT}"),
        *((f"{line}: {one.model}, {one.kind}", f"{one.replicas_of_a_line(assumed):,.0f}") for one in _ends(replicas)),
    ]
    return table(("", "replicas"), rows)


def _of_multiples(front: Mapping[str, Any] | None) -> str:
    ratios: Mapping[str, float] = {} if front is None else front["ratios"]
    rows = [
        (name, f"{ratios[name]:.3g}" if name in ratios else NOT_MEASURED, f"`{command}`")
        for name, command in MULTIPLES.items()
    ]
    return table(("", "times", "measured by"), rows)


def _ends(replicas: Sequence[Replica]) -> list[Replica]:
    """Data sets as pixels, and single pictures: files of many pictures lie between them."""
    return [one for one in replicas if one.kind in (AS_PIXELS, ONE_PNG)]


def _source(found: Benchmark) -> str:
    return (
        f"Measured by `make bench`, {found.day}: {found.machine}. The client was on the same cores. "
        "Shares are of CPU time, the engine's in its largest batches."
    )


def _front_source(front: Mapping[str, Any] | None) -> str:
    kinds = (("front", "nginx and replicas"), ("workers", "workers"))
    return " ".join(f"{words}: {front[name]}" for name, words in kinds if front and name in front)


def _assumed(assumed: Assumptions) -> str:
    return (
        f"Assumed, and of no provider: {assumed.core_hour:g} for a core and an hour, {assumed.gigabyte:g} for a GB "
        f"sent out, replicas kept {assumed.busy:.0%} busy. Put your own in place: "
        "`python -m load.bench scale --core-hour 0.03`."
    )


def _rounded(amount: float) -> str:
    """Three digits: no measurement has more."""
    return f"{float(f'{amount:.3g}'):,.0f}" if amount >= 100 else f"{amount:.3g}"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"
