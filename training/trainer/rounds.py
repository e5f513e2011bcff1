"""A round of fine-tuning that a person asked for on the page: what `zoetrope finetune` does, for a task.

    loop -> [rounds] -> plan (plan_finetuning), execution -> models/<name>/

The grades are those up to the moment in which the round was asked for, so a round
that a killed trainer left is the same one again, and its run resumes from its
checkpoint. A round whose version was written before its trainer could say so is
done, and not refused because its grades are learned.
"""

from models.bundle import find_bundle, open_bundle
from models.card import Card
from training.device import ComputeContext
from training.execution import carry_out
from training.feedback.grades import grades_digest, read_grades
from training.options import FinetuneOptions
from training.plan import plan_finetuning
from training.trainer.lease import Lease
from training.trainer.place import Place
from training.trainer.service_client import Outcome, Task


def train_round(task: Task, ratings: str, place: Place, context: ComputeContext, lease: Lease) -> Outcome:
    """Fine-tune the model, and write its next version into the folder of models.

    Args:
        ratings: the address of the service.
        lease: gets what a person should read, and how far it is.

    Returns:
        With the new version.

    Raises:
        InconclusiveGrades, AcceptanceFailed, ValueError, FileNotFoundError, OSError, TrainingError, ModelError: in
            words.
        Stopped: a person wants it to end, or the trainer is stopped.
    """
    model = find_bundle(place.models / task.model)
    options = FinetuneOptions(
        model=model,
        ratings=ratings,
        strength=task.asked["strength"],
        kimg=task.asked["kimg"],
        force=task.asked["force"],
        without=tuple(task.asked["without"]),
        until=task.requested_at,
    )
    card = open_bundle(model).card
    if card.version != task.result["before"]:
        check_done_before(card, task, options)
        lease.say(f"{card.name} {card.version} was written already: this round is done")
        return Outcome("done", result={"after": card.version})
    plan = plan_finetuning(place.pictures_of(card), None, options, context, lease.say)
    bundle = carry_out(
        plan,
        context,
        lease.say,
        lambda state: lease.step(plan.run.path.name, state.images_shown, plan.settings.images_shown),
        lease.stops,
    )
    return Outcome("done", result={"after": (bundle or open_bundle(plan.bundle)).card.version})


def check_done_before(card: Card, task: Task, options: FinetuneOptions) -> None:
    """Refuse to go on from another version than was asked for, but for the very one that this round makes.

    Raises:
        ValueError: says which versions, and what to do.
    """
    before = task.result["before"]
    if card.lineage is not None and card.lineage.parent == before:
        grades = read_grades(options.ratings, card.name, options.without, options.until)
        if card.training.options.get("grades") == grades_digest(grades):
            return
    raise ValueError(
        f"{options.model}: found version {card.version} of {card.name}, expected {before}, which the round was asked "
        "for. Where the service serves another folder, start the trainer with ZOETROPE_MODELS set to that one; else "
        "ask for the round again."
    )
