"""The scores of a model as a table for a person, each next to what real pictures score.

    evaluate, a card -> [scores_table] -> the terminal

Knows the fields of `Scores` and what they mean, and computes none.
"""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from models.scores import ClassScores, Scores
from training.evaluation.controls import controls_line
from training.evaluation.membership import leak_rows
from training.evaluation.usefulness import usefulness_rows

CLASSES_SHOWN = 20
_ROWS = (
    ("FD ratio", "fd_ratio", "1", "less is better"),
    ("FD floor", "fd_floor", "", "what the ratio is over"),
    ("kernel distance", "kernel_distance", "kernel_floor", "less is better"),
    ("precision", "precision", "precision_floor", "drawn among the real"),
    ("recall", "recall", "recall_floor", "real among the drawn"),
    ("density", "density", "density_floor", "precision, weighted"),
    ("coverage", "coverage", "coverage_floor", "real with a drawn nearby"),
    ("classes, KL", "class_kl", "class_kl_floor", "0 is as in training"),
    ("class agreement", "class_agreement", "evaluator_accuracy", "drawn as requested"),
    ("nearest ratio", "nearest_ratio", "1", "0 is memorised"),
    ("near share", "near_share", "0.01", "1 is memorised"),
    ("reconstruction, dB", "reconstruction_psnr_db", "pca_psnr_db", "PCA of the same size"),
    ("active units", "active_units", "", "numbers that carry something"),
    ("Inception FID", "inception_fid", "", "by torch-fidelity"),
    ("images a second", "images_per_s", "", ""),
)
"""Title, field, field (or value) of real pictures, and how to read it."""


def of_real(figures: Mapping[str, Any]) -> dict[str, float | None]:
    """What real pictures get for each figure: the column of the table."""
    return {
        field: figures.get(floor) if floor in Scores.model_fields else float(floor)
        for _, field, floor, _ in _ROWS
        if floor
    }


def scores_table(name: str, scores: Scores) -> Table:
    """The scores of a model for a person: a row each, next to what real pictures score.

    In brackets: the range that a figure of few pictures lies in with 95 % confidence.
    """
    title = f"{scores.images or 0:,} pictures evaluated by {scores.evaluator}"
    title += f" ({scores.evaluator_digest[:16]})" if scores.evaluator_digest else ""
    table = Table(title=title, caption=controls_line(scores.controls), box=None, padding=(0, 2, 0, 0))
    for heading in ("score", name, "real pictures"):
        table.add_column(heading)
    table.add_column("how to read it", overflow="fold")
    for label, field, floor, meaning in _ROWS:
        if (found := getattr(scores, field)) is not None:
            real = getattr(scores, floor) if floor in Scores.model_fields else floor
            low_high = (scores.intervals or {}).get(field)
            value = _short(found) + (f" ({_short(low_high[0])} to {_short(low_high[1])})" if low_high else "")
            note = "; too few to tell" if field in (scores.too_few or ()) else ""
            table.add_row(label, value, _short(real), (meaning or str(scores.images_per_s_on)) + note)
    if modes := scores.stacked:
        kl_floors = f"{_short(modes.kl_real)}; perfect {modes.kl_floor:.4f}, of real labels {modes.kl_floor_real:.4f}"
        table.add_row("modes", str(modes.modes), str(modes.modes_real), f"of triples in {modes.images:,} stacks")
        table.add_row("modes, 5 hits", str(modes.modes_of_5), str(modes.modes_of_5_real), "excludes misreadings")
        table.add_row("KL to uniform", _short(modes.kl), kl_floors, "natural logarithm")
    for row in usefulness_rows(scores.usefulness) if scores.usefulness else ():
        table.add_row(*row)
    for row in leak_rows(scores.leaks) if scores.leaks else ():
        table.add_row(*row)
    return table


def classes_table(scores: Scores) -> Table | None:
    """A row a class, the worst drawn first, real pictures in brackets; None without scores of classes."""
    if scores.per_class is None:
        return None
    table = Table(title="class by class (real pictures)", box=None, padding=(0, 2, 0, 0))
    for heading in ("class", "drawn as requested", "precision", "recall", "pictures"):
        table.add_column(heading)
    for name, found in sorted(scores.per_class.items(), key=lambda pair: _agreement(pair[1]))[:CLASSES_SHOWN]:
        pairs = (
            (found.agreement, found.evaluator_accuracy),
            (found.precision, found.precision_floor),
            (found.recall, found.recall_floor),
        )
        table.add_row(name, *(_next_to_real(*pair) for pair in pairs), f"{found.images:,} ({found.test_images:,})")
    if (more := len(scores.per_class) - CLASSES_SHOWN) > 0:
        table.caption = f"and {more:,} classes that are drawn better, in the card"
    return table


def _agreement(found: ClassScores) -> float:
    return 1.0 if found.agreement is None else found.agreement


def _next_to_real(drawn: float | None, real: float | None) -> str:
    return "too few" if drawn is None else f"{drawn:.1%}" + ("" if real is None else f" ({real:.1%})")


def headlines(name: str, scores: Scores) -> list[str]:
    """The figures that a person wants first, a sentence each; none of what was not measured."""
    said = []
    if scores.fd_ratio is not None:
        low_high = (scores.intervals or {}).get("fd_ratio")
        within = f" (with 95 % confidence {_short(low_high[0])} to {_short(low_high[1])})" if low_high else ""
        few = "; these are too few pictures to tell" if "fd_ratio" in (scores.too_few or ()) else ""
        said.append(
            f"{name} has an FD ratio of {_short(scores.fd_ratio)}{within}, where 1 is as good as real pictures{few}."
        )
    if scores.class_agreement is not None and scores.evaluator_accuracy is not None:
        said.append(
            f"It draws the requested class in {scores.class_agreement:.1%}; of real pictures "
            f"{scores.evaluator_accuracy:.1%} are read as their class."
        )
    if scores.per_class and len(scores.per_class) > 1:
        worst, found = min(scores.per_class.items(), key=lambda pair: _agreement(pair[1]))
        if found.agreement is not None and found.evaluator_accuracy is not None:
            said.append(
                f"The class drawn worst of {len(scores.per_class):,} is {worst}: {found.agreement:.1%} are read as it, "
                f"and {found.evaluator_accuracy:.1%} of real ones."
            )
    if scores.near_share is not None:
        said.append(
            f"{scores.near_share:.1%} of its pictures are nearer to a training picture than 99 % of the test pictures "
            "are; of new pictures it is about 1 %, and more are copies."
        )
    return said


def sentences(scores: Scores) -> list[str]:
    """What the scores say about the use of the pictures, a sentence each; none where it was not measured."""
    return [found.sentence for found in (scores.usefulness, scores.leaks) if found is not None]


def _short(value: float | int | str | None) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return "" if value is None else str(value)
