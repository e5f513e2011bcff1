"""A run that a person asked for on the page: what `zoetrope fit` does, for a task.

    loop -> [runs] -> plan (plan_fit), execution -> models/<name>/

The first time the answer is the plan, as `fit --dry-run` says it; after a person has
confirmed it, it is carried out. A run that was stopped, or left by a killed trainer,
is the same one again and resumes from its checkpoint.
"""

from collections.abc import Callable

from models.bundle import open_bundle
from training.device import ComputeContext
from training.execution import carry_out
from training.options import FitOptions
from training.plan import Plan, plan_fit
from training.trainer.lease import LONGEST_LINE, MOST_LINES, Lease
from training.trainer.place import Place
from training.trainer.service_client import Outcome, Task

Describe = Callable[[Plan, ComputeContext], list[str]]
"""What `fit --dry-run` says of a plan."""


def train_run(task: Task, place: Place, context: ComputeContext, lease: Lease, describe: Describe) -> Outcome:
    """Plan a run, or carry it out where its plan is confirmed.

    Args:
        lease: gets what a person should read, and how far it is.
        describe: puts the plan into words.

    Returns:
        The plan, or the version that was written into the folder of models.

    Raises:
        ValueError, FileNotFoundError, OSError, TrainingError, ModelError: in words.
        Stopped: a person wants it to stop, or the trainer is stopped.
    """
    source = place.pictures_in(task.asked["folder"])
    options = FitOptions(
        minutes=task.asked["minutes"], run=place.runs / task.model, replace=task.asked.get("replace", False)
    )
    lease.say(f"reads {task.asked['folder']}, and measures how fast this machine trains")
    plan = plan_fit(source, place.models / task.model, options, context)
    if not task.asked.get("is_confirmed", False):
        lines = [line[:LONGEST_LINE] for line in describe(plan, context)][:MOST_LINES]
        return Outcome("planned", result={"plan": lines, "question": plan.question})
    bundle = carry_out(
        plan,
        context,
        lease.say,
        lambda state: lease.step(plan.run.path.name, state.images_shown, plan.settings.images_shown),
        lease.stops,
    )
    return Outcome("done", result={"after": (bundle or open_bundle(plan.bundle)).card.version})  # none: all was done
