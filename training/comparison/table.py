"""The table of a comparison: a row a method, a column a figure, the last line that of real pictures.

    bundle (card, ONNX files) -> table -> comparison (table.md, table.json, rows.png, the page)

A row also holds what the method draws at the addresses that all rows share, and
test pictures with their reconstructions.

Letters: N pictures of a row    H, W, C of a picture
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, open_bundle
from models.runtime import Runtime
from models.scores import Scores
from training.comparison.recipes import Entry
from training.evaluation.reference import RealPictures
from training.monitoring.diversity import evenly_spaced
from training.monitoring.log_statistics import LogStatistics

Figure = float | int | None
SEED, PICTURES = 0, 12
"""Every row shows pictures 0 to 11 of this seed; with classes, of the classes 0, 1, 2, ... in turn."""
_DEVIATION_PICTURES = 1_000
DIVERGED_D_LOSS = 20.0
DIVERGED_DEVIATIONS, DIVERGED_MARGIN = 3.0, 0.1
SETTLED_IMAGES = 2_000
"""A run has diverged where one `d_loss` is above 20, or, from 2,000 images on, the deviation of one batch of generated
pixels is above three times that of the data plus 0.1, on the scale of -1 to 1."""


@dataclass(frozen=True)
class Row:
    """One method."""

    name: str
    what: str
    """A sentence for a person."""
    bundle: Bundle
    """Its card has the scores."""
    drawn: NDArray[np.uint8]
    """(N, H, W, C), at the addresses above."""
    reconstructed: NDArray[np.uint8] | None
    """(N, H, W, C): the test pictures of `shown_test` through encoder and decoder; None without an encoder."""
    log: LogStatistics | None = None
    """Of its training; None for a bundle that is taken as it is."""
    data_deviation: float | None = None
    """Of the pixels of training pictures, on the scale of -1 to 1."""


def row_of(
    entry: Entry,
    real: RealPictures,
    threads: int | None = None,
    log: LogStatistics | None = None,
    scores: Scores | None = None,
) -> Row:
    """Draw a row by the ONNX files of an entry's bundle, which is evaluated already: `scores`, or those of its card."""
    bundle = open_bundle(entry.bundle)
    if scores is not None:  # of other data than the model's own: the card has them elsewhere
        bundle = replace(bundle, card=bundle.card.model_copy(update={"scores": scores}))
    runtime = Runtime(bundle, threads=threads)
    classes = len(runtime.class_names)
    label = [index % classes for index in range(PICTURES)] if classes else None
    what = (
        entry.recipe.what
        if entry.recipe
        else f"Taken as it is: method {bundle.card.method}, version {bundle.card.version}."
    )
    drawn = runtime.generate(SEED, 0, PICTURES, label=label)
    reconstructed = _reconstructed(runtime, real) if runtime.encodes else None
    some = real.train[evenly_spaced(len(real.train), _DEVIATION_PICTURES)]
    return Row(entry.name, what, bundle, drawn, reconstructed, log, float(some.std() / 127.5))


def shown_test(real: RealPictures) -> NDArray[np.int64]:
    """Indices of the test pictures that are shown next to their reconstructions."""
    return evenly_spaced(len(real.test), PICTURES)


def _reconstructed(runtime: Runtime, real: RealPictures) -> NDArray[np.uint8]:
    shown = shown_test(real)
    labels_N = None if runtime.card.classes is None or real.test_labels is None else real.test_labels[shown]
    return runtime.draw(runtime.encode(real.test[shown], labels_N), labels_N)


@dataclass(frozen=True)
class Column:
    """One figure of every row."""

    heading: str
    of: Callable[[Row], Figure]
    text: Callable[[Any], str]
    best: Callable[[Iterable[Any]], Any] | None = None
    """`min` or `max`, where one of them is the best."""
    of_real: Callable[[Scores], Figure] = lambda _: None
    """The figure of real pictures."""


class Cell(NamedTuple):
    """One figure as text, and whether it is the best of its column."""

    text: str
    best: bool = False


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _clock(seconds: float) -> str:
    """`0:06:25`: here budgets of a minute are compared."""
    return str(timedelta(seconds=round(seconds)))


def _share(field: str, heading: str, floor: str) -> Column:
    return Column(heading, attrgetter(f"bundle.card.scores.{field}"), "{:.1%}".format, max, attrgetter(floor))


def _ms(row: Row) -> Figure:
    per_s = row.bundle.card.scores.images_per_s
    return None if per_s is None else 1000 / per_s


def _images_per_s(row: Row) -> Figure:
    training = row.bundle.card.training
    return training.images_shown / training.seconds if training.seconds else None


def _of_stacks(scores: Scores, field: str) -> Figure:
    return None if scores.stacked is None else getattr(scores.stacked, field)


def _above_floor(scores: Scores, field: str) -> Figure:
    """KL divergence above that of a perfect generator, whose digits are as frequent as the real ones."""
    return None if scores.stacked is None else getattr(scores.stacked, field) - scores.stacked.kl_floor_real


def _largest_d_loss(row: Row) -> Figure:
    return None if row.log is None else row.log.largest("d_loss_max")


def _largest_deviation(row: Row) -> Figure:
    return None if row.log is None else row.log.largest("deviation_max", after_images=SETTLED_IMAGES)


def _diverged(row: Row) -> Figure:
    """1 where it did, 0 where it did not."""
    d_loss, deviation = _largest_d_loss(row), _largest_deviation(row)
    if d_loss is None or row.data_deviation is None:
        return None
    allowed = DIVERGED_DEVIATIONS * row.data_deviation + DIVERGED_MARGIN
    return int(d_loss > DIVERGED_D_LOSS or (deviation is not None and deviation > allowed))


COLUMNS = {
    "fd_ratio": Column("FD ratio", attrgetter("bundle.card.scores.fd_ratio"), _three_digits, min, lambda _: 1),
    "precision": _share("precision", "precision", "precision_floor"),
    "recall": _share("recall", "recall", "recall_floor"),
    "coverage": _share("coverage", "coverage", "coverage_floor"),
    "class_agreement": _share("class_agreement", "class agreement", "evaluator_accuracy"),
    "modes": Column(
        "modes",
        lambda row: _of_stacks(row.bundle.card.scores, "modes"),
        str,
        max,
        lambda s: _of_stacks(s, "modes_real"),
    ),
    "kl_excess": Column(
        "KL above its floor",
        lambda row: _above_floor(row.bundle.card.scores, "kl"),
        "{:.3f}".format,
        min,
        lambda scores: _above_floor(scores, "kl_real"),
    ),
    "reconstruction_psnr_db": Column(
        "reconstruction, dB", attrgetter("bundle.card.scores.reconstruction_psnr_db"), "{:.1f}".format, max
    ),
    "pca_psnr_db": Column("PCA, dB", attrgetter("bundle.card.scores.pca_psnr_db"), "{:.1f}".format),
    "active_units": Column("active units", attrgetter("bundle.card.scores.active_units"), str),
    "code_size": Column("latent size", attrgetter("bundle.card.code_size"), str),
    "images_shown": Column("images shown", attrgetter("bundle.card.training.images_shown"), "{:,}".format),
    "seconds": Column("training time", attrgetter("bundle.card.training.seconds"), _clock),
    "images_per_s": Column("images a second", _images_per_s, _three_digits),
    "d_loss_max": Column("largest d_loss", _largest_d_loss, _three_digits),
    "deviation_max": Column("largest pixel deviation", _largest_deviation, _three_digits),
    "diverged": Column("diverged", _diverged, lambda value: "yes" if value else "no"),
    "ms_an_image": Column("ms an image", _ms, _three_digits),
    "generator_bytes": Column("generator, MB", lambda row: len(row.bundle.generator), lambda size: f"{size / 1e6:.2f}"),
}
"""Name in table.json -> column."""


def figures(row: Row) -> dict[str, Figure]:
    """All figures of a row, by the names of the columns."""
    return {name: column.of(row) for name, column in COLUMNS.items()}


def real_figures(scores: Scores) -> dict[str, Figure]:
    """Figures of real pictures, by the names of the columns."""
    return {name: column.of_real(scores) for name, column in COLUMNS.items()}


def cells(rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
    """Headings and lines, a line a row and one for real pictures; empty columns are left out."""
    found = {row.name: figures(row) for row in rows}
    shown = {name: one for name, one in COLUMNS.items() if any(line[name] is not None for line in found.values())}
    real = real_figures(rows[0].bundle.card.scores)
    best = {
        name: column.best(line[name] for line in found.values() if line[name] is not None)
        for name, column in shown.items()
        if column.best
    }
    headings = ["method", *(column.heading for column in shown.values())]
    return headings, [
        *(
            [Cell(name), *(_cell(shown[key], line[key], best.get(key)) for key in shown)]
            for name, line in found.items()
        ),
        [Cell("real pictures"), *(_cell(column, real[key]) for key, column in shown.items())],
    ]


def as_markdown(headings: Sequence[str], lines: Sequence[Sequence[Cell]]) -> str:
    """The table for a README; the best of a column is bold."""
    rule = ["---", *("---:" for _ in headings[1:])]
    escaped = [[(text.replace("|", "\\|"), best) for text, best in line] for line in lines]
    body = [[f"**{text}**" if best else text for text, best in line] for line in escaped]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, rule, *body))


def as_text(headings: Sequence[str], lines: Sequence[Sequence[Cell]], width: int = 80) -> str:
    """The table for a terminal: columns that do not fit stand below, with the names again. The best have a star.

    Args:
        width: of a line in characters; it is longer only where a name and one column are.
    """
    texts = [[f"{one} " for one in headings], *([f"{text}{' *'[best]}" for text, best in line] for line in lines)]
    widths = [max(len(line[at]) for line in texts) for at in range(len(headings))]
    blocks: list[list[int]] = [[0]]
    for at in range(1, len(headings)):
        if len(blocks[-1]) > 1 and sum(widths[one] + 1 for one in blocks[-1]) + widths[at] > width:
            blocks.append([0])
        blocks[-1].append(at)
    return "\n".join("".join(f"{_aligned(line, widths, block)}\n" for line in texts) for block in blocks)


def _aligned(line: Sequence[str], widths: Sequence[int], block: Sequence[int]) -> str:
    """Some cells of a line: the name to the left, figures to the right."""
    name, *others = block
    return " ".join((line[name].ljust(widths[name]), *(line[at].rjust(widths[at]) for at in others))).rstrip()


def in_sentences(rows: Sequence[Row]) -> list[str]:
    """What a person reads first: which method is best by the headline, and which diverged."""
    ratios = {row.name: row.bundle.card.scores.fd_ratio for row in rows}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    said = []
    if known:
        best = min(known, key=known.__getitem__)
        of = f" of {len(known)} ways" if len(known) > 1 else ""
        said.append(f"{best} has the lowest FD ratio{of}: {_three_digits(known[best])}, where 1 is as good as real.")
    if diverged := [row.name for row in rows if _diverged(row)]:
        said.append(f"{' and '.join(diverged)} diverged: a loss or the pixels left the range of a run that learns.")
    return said


def _cell(column: Column, value: Figure, best: Figure = None) -> Cell:
    return Cell("") if value is None else Cell(column.text(value), best is not None and value == best)
