"""What `make bench` must show, as a table of ratios, each with what is wanted and what was found.

    figures -> [claims] -> verdicts -> bench, gate, markdown

Pure functions of one run's figures. A ratio that was not measured is a ratio
missed. Where a claim is of the engine that the rule chose, what the float32
engine gave stands beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from load.bench.baselines import FLOOR, engine_name
from load.bench.workloads import crowded, drawn_alone, kept_alone, lonely, saturating
from load.bench.servers import BARE, BENTOML, CHOSEN, FLOAT32, LONERS, MOUNTED, PEERS
from load.bench.engine import REFERENCE
from load.bench.figures import Figures, Measure, beyond, cpu_s_per_image, images_per_cpu_s, images_per_s, ratio

_PEERS = tuple(peer.name for peer in PEERS)
_SHEETS = (64, 1024)


@dataclass(frozen=True)
class Claim:
    """A ratio and its bound."""

    sentence: str
    ratios: tuple[float, ...]
    """One a round; none: it was not measured."""
    wanted: float
    at_least: bool
    beside: str = ""
    """What a reader should know with it."""

    @property
    def found(self) -> float | None:
        """The median of the rounds."""
        return median(self.ratios) if self.ratios else None

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        if self.found is None:
            return False
        return self.found >= self.wanted if self.at_least else self.found <= self.wanted

    def row(self) -> tuple[str, str, str, str]:
        """pass or MISS, the sentence, what is wanted and what was found."""
        found = "not measured" if self.found is None else f"{self.found:.2f}"
        wanted = f"{'at least' if self.at_least else 'at most'} {self.wanted:.2f}"
        return (
            "pass" if self.passed else "MISS",
            self.sentence,
            wanted,
            found + (f" ({self.beside})" * bool(self.beside)),
        )


@dataclass(frozen=True)
class Drawn:
    """By what ours draws a model."""

    engine: str
    """Library first, precision last: "openvino-2026.4.1-cpu-bfloat16"."""
    batch_sizes: tuple[int, ...]
    """Those that reach the engine: a single picture fills up the smallest."""


@dataclass(frozen=True)
class Run:
    """Figures, and by what ours drew each model."""

    figures: Figures
    drawn: dict[str, Drawn]


def claims(run: Run) -> list[Claim]:
    """All that can be said of the models that were measured."""
    found = list(serving_costs(run)) if "mnist" in run.drawn else []
    return found + [claim for model in run.drawn for claim in (*against_peers(run, model), *together(run, model))]


def serving_costs(run: Run) -> Iterator[Claim]:
    """What HTTP and encoding add to the engine, on MNIST's model."""
    take, engine = run.figures.rounds, engine_name(run.drawn["mnist"].engine)
    loop = take(engine, drawn_alone("mnist", run.drawn["mnist"].batch_sizes[-1]), cpu_s_per_image)
    npy = take(CHOSEN, saturating("mnist", 1024, "npy"), cpu_s_per_image)
    yield Claim("mnist, 1,024 as npy: CPU an image / the engine alone", tuple(ratio(npy, loop)), 1.10, at_least=False)
    for n, most in ((1024, 1.20), (64, 1.50)):
        floor = take(FLOOR, kept_alone("mnist", n, "zip"), cpu_s_per_image)
        zipped = take(CHOSEN, saturating("mnist", n, "zip"), cpu_s_per_image)
        sentence = f"mnist, {n:,} as zip: CPU an image / codes, engine and encoder alone"
        yield Claim(sentence, tuple(ratio(zipped, floor)), most, at_least=False)
    yield from _beyond_the_engine(run)


def beyond_the_engine(figures: Figures, model: str, drawn: Drawn) -> dict[int, float]:
    """CPU seconds that ours takes for a single picture beyond a call of the engine, which draws its smallest batch."""
    smallest = drawn.batch_sizes[0]
    image = figures.rounds(engine_name(drawn.engine), drawn_alone(model, smallest), cpu_s_per_image)
    call = {number: cpu_s * smallest for number, cpu_s in image.items()}
    return beyond(figures.rounds(CHOSEN, lonely(model, "npy"), cpu_s_per_image), call)


def _beyond_the_engine(run: Run) -> Iterator[Claim]:
    take = run.figures.rounds
    ours = beyond_the_engine(run.figures, "mnist", run.drawn["mnist"])
    engine = take(engine_name(REFERENCE), drawn_alone("mnist", 1), cpu_s_per_image)
    theirs = beyond(take(BENTOML, lonely("mnist", "json"), cpu_s_per_image), engine)
    bare = take(BARE, lonely("mnist", "npy"), cpu_s_per_image)
    mounted = ratio(take(MOUNTED, lonely("mnist", "npy"), cpu_s_per_image), bare)
    told = f"the bare route on BentoML: {median(mounted):.2f}" if mounted else ""
    sentence = "mnist, n = 1: CPU beyond the engine / that of"
    yield Claim(f"{sentence} BentoML's own API", tuple(ratio(ours, theirs)), 0.4, at_least=False)
    yield Claim(f"{sentence} a bare FastAPI route", tuple(ratio(ours, bare)), 2.0, at_least=False, beside=told)


def against_peers(run: Run, model: str) -> Iterator[Claim]:
    """Images a CPU second against the best of the four."""
    faster = engine_name(run.drawn[model].engine) != engine_name(REFERENCE)
    small = model == "mnist"
    for n in _SHEETS:
        yield _against_best(run, model, n, "zip", 2.0)
        yield _against_best(run, model, n, "png", 2.0)
        yield _against_best(run, model, n, "npy", 2.0 if faster and not small else 1.0)
    yield _against_best(run, model, 1, "png", 0.9 if small else 1.5)
    if small:
        for n in _SHEETS:
            ours = run.figures.rounds(CHOSEN, saturating(model, n, "npy"), images_per_cpu_s)
            array = run.figures.rounds(BENTOML, saturating(model, n, "json"), images_per_cpu_s)
            sentence = f"{model}, {n:,} as npy: images a CPU second / BentoML's array answer"
            yield Claim(sentence, tuple(ratio(ours, array)), 5.0, at_least=True)


def together(run: Run, model: str) -> Iterator[Claim]:
    """64 callers of one picture each, drawn together against one by one."""
    on, off = (run.figures.rounds(who, crowded(model), images_per_s) for who in (CHOSEN, LONERS))
    yield Claim(f"{model}, 64 callers of n = 1: images a second / batching off", tuple(ratio(on, off)), 0.95, True)


def _against_best(run: Run, model: str, n: int, wanted: str, least: float) -> Claim:
    cell, figures = saturating(model, n, wanted), run.figures
    best = figures.best(_PEERS, cell, images_per_cpu_s)
    sentence = f"{model}, {n:,} as {_kind(n, wanted)}: images a CPU second / the best peer's"
    if best is None:
        return Claim(sentence, (), least, at_least=True)
    measure: Measure = images_per_cpu_s
    theirs = figures.rounds(best, cell, measure)
    float32 = ratio(figures.rounds(FLOAT32, cell, measure), theirs)
    beside = f"float32 {median(float32):.2f}; {best}" if float32 else best
    return Claim(sentence, tuple(ratio(figures.rounds(CHOSEN, cell, measure), theirs)), least, True, beside)


def _kind(n: int, wanted: str) -> str:
    return "a sheet" if n > 1 and wanted == "png" else wanted
