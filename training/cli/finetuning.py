"""`python -m training fit PICTURES --from MODEL --ratings GRADES`: what a round of grades begins with.

fit -> [rating] -> rating/
"""

from collections import Counter
from pathlib import Path
from typing import Any

from models.bundle import open_bundle
from training.cli.console import tell_plainly
from training.cli.options import open_with_progress, shape_like, tell_if_others
from training.config import UpdateName
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.reference import AnyEvaluator, RealPictures
from training.feedback.finetuning_round import FineTuningRound, new_round
from training.feedback.grades import read_grades


def new_round_of(
    source: str,
    model: Path | None,
    ratings: str | None,
    fixed: dict[str, Any],
    changes: dict[str, Any],
    context: ComputeContext,
    update: UpdateName | None,
    strength: float | None,
    force: bool,
) -> FineTuningRound:
    """Read model, grades and pictures, learn what is liked, and say what was found.

    Args:
        fixed: options by name that a model that goes on cannot change.
        changes: settings to change; None changes nothing.

    Raises:
        ValueError: one of the two without the other, a fixed option, or no grades of this model; says what to do.
    """
    if model is None or ratings is None:
        raise ValueError("--from MODEL and --ratings GRADES go together: grades are of a model's pictures")
    if given := [f"--{name}" for name, value in fixed.items() if value is not None]:
        raise ValueError(f"{', '.join(given)} cannot be changed by --from: {model} has learned with its own")
    if context.distributed.world_size > 1:
        raise ValueError(
            f"found {context.distributed.world_size} processes, expected one: grades move a model in a minute or two"
        )
    card = open_bundle(model).card
    grades = read_grades(ratings, card.name)
    if not grades:
        raise ValueError(f"{ratings}: found no grades of {card.name}, expected some. Grade pictures at its page first.")
    pictures = open_with_progress(source, shape_like(card))
    tell_if_others(pictures, source, card)
    begun = new_round(model, grades, pictures, changes, update=update, strength=strength, force=force, context=context)
    _tell(begun)
    return begun


def evaluator_of(pictures: Pictures) -> AnyEvaluator:
    """The judge that looks at a model before and after."""
    real = RealPictures(pictures.images, pictures.images[:1], pictures.labels, None, pictures.classes)
    return find_evaluator(real, report=tell_plainly)


def _tell(begun: FineTuningRound) -> None:
    graded, shown = begun.graded, begun.reweighting
    graders = Counter(grade.grader for grade in graded.grades)
    tell_plainly(
        f"{len(graded.grades):,} grades by {len(graders)} grader(s), mean {graded.scores.mean():.2f}; of two held-out "
        f"pictures with different grades the better one is known in {begun.agreement.share:.0%}"
    )
    for version, count in graded.left_out.items():
        tell_plainly(
            f"left out {count:,} grades of version {version}, which is not held beside {begun.parent.bundle.path}"
        )
    tell_plainly(
        f"strength {begun.settings.strength:g}: the mean predicted grade of the pictures that are shown goes from "
        f"{shown.mean_grade_before:.2f} to {shown.mean_grade_after:.2f}; the effective "
        f"sample size is {shown.effective_images:,.0f}"
    )
