"""A plan is carried out: training from where the run stands, its report, the bundle.

    plan -> [execution] -> train, monitoring, exporter -> models/<name>/

Works without a terminal: what a person should read goes to `report`. Where the run
is at its end and the bundle is its model, there is nothing to do, and that is said.
Knows no options and no command line.
"""

from collections.abc import Callable

from models.bundle import Bundle
from training.checkpoint import TrainingState, images_shown_in
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.reference import RealPictures
from training.exporter.averages import choose_average
from training.exporter.bundle import export_run
from training.exporter.record import is_exported
from training.inputs import Report
from training.monitoring.checks import memorising
from training.monitoring.log_statistics import LogStatistics
from training.monitoring.monitor import Monitor
from training.plan import Plan
from training.progress import ProgressBar
from training.replanning import NewLength, Replanner
from training.throughput import Foreteller
from training.train import train


def carry_out(
    plan: Plan,
    context: ComputeContext,
    report: Report,
    seen: Callable[[TrainingState], object] = lambda _: None,
    stops: Callable[[], bool] = lambda: False,
) -> Bundle | None:
    """Train to the planned length, from where the run stands, and write the bundle.

    Args:
        report: gets what a person should read.
        seen: called after every step.
        stops: asked after every step; True stops the run as Ctrl-C does.

    Returns:
        The bundle that was written; None in all processes of a group but the main one, and where all is done.

    Raises:
        WouldReplace: the bundle would take the name of another's model, and the plan's question is open.
        Diverged, ExportDiffers, OlderVersion, RunBusy, RunDiffers: see there.
        Stopped: stopped, and saved.
    """
    plan = plan.answered(False)
    run, settings = plan.run, plan.settings
    done = _begin(plan, report) if context.distributed.is_main else False
    if context.distributed.any(done, context.device):
        return None
    if not context.distributed.is_main:
        healed = (lambda _: None) if plan.heal else None
        train(run, settings, plan.pictures, context, prepare=plan.prepare, healed=healed)
        return None
    real = _real(plan.pictures)
    inspect = plan.round.inspect(find_evaluator(real, report=report), plan.force, report) if plan.round else None
    _train_watched(plan, context, report, seen, stops)
    report(f"how it went: {run.path / 'report.html'}")
    if (found := memorising(LogStatistics(run.lines(), run.settings()))) is not None:
        report(f"warning: {' '.join((found.explanation, *found.advice))}")
    choose_average(run, real, find_evaluator(real), context.device)
    return export_run(run, plan.bundle, inspect=inspect)


def _train_watched(
    plan: Plan,
    context: ComputeContext,
    report: Report,
    seen: Callable[[TrainingState], object],
    stops: Callable[[], bool],
) -> None:
    """Train in the main process, which shows progress, forecasts and sheets."""
    run, settings = plan.run, plan.settings
    foreteller, replanner = Foreteller(settings, plan.pictures, context, report), _replanner(plan, context)
    with run.lock(), Monitor(run, report) as monitor, ProgressBar(settings.images_shown) as progress:

        def after_each_step(state: TrainingState) -> None:
            progress.update(state)
            foreteller.update(state)
            monitor.step()
            seen(state)

        def after_healing(lines: list[str]) -> None:
            monitor.restart()
            progress.restart()
            for line in lines:
                report(line)

        def replan(state: TrainingState) -> NewLength | None:
            length = replanner.look(state) if replanner else None
            if length is not None:
                progress.restart(length.images_shown)
                report(length.in_words())
            return length

        healed = after_healing if plan.heal else None
        train(
            run, settings, plan.pictures, context, after_each_step, monitor.update, plan.prepare, healed, stops, replan
        )


def _replanner(plan: Plan, context: ComputeContext) -> Replanner | None:
    """Of a run with a budget; a GPU is hardly ever shared, and would compile the step again."""
    if plan.minutes is None or context.device.type != "cpu" or context.distributed.world_size > 1:
        return None
    return Replanner(plan.minutes, plan.settings.images_shown, plan.settings.batch)


def _begin(plan: Plan, report: Report) -> bool:
    """Begin the run, or go on with it; returns whether it is at its end and the bundle is its model."""
    run, shown = plan.run, images_shown_in(plan.run.checkpoint)
    parent = plan.transfer.record if plan.transfer else None
    run.begin(plan.settings, plan.pictures, shown, plan.minutes, plan.licence, parent, plan.source)
    for note in plan.notes:
        report(note)
    if shown < plan.settings.images_shown or not is_exported(run, plan.bundle):
        return False
    report(
        f"nothing to do: {run.path} has shown all of its {shown:,} images, and {plan.bundle} is its model. More --kimg "
        f"or --minutes trains on; `zoetrope export {run.path}` writes the model again."
    )
    return True


def _real(pictures: Pictures) -> RealPictures:
    """What an evaluator needs of the training pictures; it looks at no test part."""
    return RealPictures(pictures.images, pictures.images[:1], pictures.labels, None, pictures.classes)
