"""A run as a command has planned it: told, trained in front of a person's eyes, and written as a bundle.

fit, compare -> [running] -> loop -> training.export.bundle
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import rich
from rich.table import Table

from training.checkpoint import images_shown_in
from training.cli.console import tell_bundle, tell_plainly
from training.cli.finetuning import evaluator_of
from training.config import FINETUNING_SETTINGS, Settings
from training.data.dataset import Pictures
from training.data.decode import Skipped
from training.device import ComputeContext
from training.export.bundle import export_run
from training.feedback.finetuning_round import FineTuningRound
from training.methods.method import new_method
from training.monitoring.monitor import Monitor
from training.networks.geometry import geometry_of
from training.progress import Progress
from training.run import Run
from training.train import train

_MOST_SKIPPED_TOLD = 20


@dataclass(frozen=True)
class Plan:
    """What will be learned, from what, and where it goes."""

    pictures: Pictures
    settings: Settings
    run: Run
    bundle: Path
    """The bundle to write."""
    begun: FineTuningRound | None = None
    """A round of grades: it gives the run what it begins with, and looks at what came of it."""
    force: bool = False
    """Write the bundle even where it lost what its parent had."""


def tell_plan(plan: Plan, context: ComputeContext) -> None:
    """Say what would be learned of what, and where it would go."""
    pictures, settings = plan.pictures, plan.settings
    count, height, width, channels = pictures.images.shape
    table = Table(
        title=f"{count:,} pictures of {height} x {width} x {channels} from {pictures.name}", show_header=False
    )
    table.add_row("classes", ", ".join(pictures.classes or ()) if settings.conditional else "not used")
    for name, value in asdict(settings).items():
        if settings.method == "rated" or name not in FINETUNING_SETTINGS:
            table.add_row(name, f"{value:,}" if type(value) is int else str(value))
    geometry = geometry_of(settings, (height, width, channels), len(pictures.classes or ()))
    for name, network in new_method(settings, geometry, context.device).networks.items():
        parameters = sum(parameter.numel() for parameter in network.parameters())
        table.add_row(f"{name} parameters", f"{parameters:,}")
    table.add_row("device", f"{context.device}{', compiled' if context.compiled else ''}")
    table.add_row("run", f"{plan.run.path} ({'goes on' if plan.run.checkpoint.exists() else 'new'})")
    table.add_row("bundle", str(plan.bundle))
    rich.print(table)
    for note in pictures.notes:
        tell_plainly(note)
    _report_skipped(pictures.skipped)


def carry_out(plan: Plan, context: ComputeContext) -> None:
    """Train to the planned length, from where the run stands, and write the bundle."""
    if not context.distributed.is_main:
        train(plan.run, plan.settings, plan.pictures, context)
        return
    prepare = plan.begun.prepare if plan.begun else None
    inspect = plan.begun.inspect(evaluator_of(plan.pictures), plan.force, tell_plainly) if plan.begun else None
    plan.run.begin(plan.settings, plan.pictures, come_to=images_shown_in(plan.run.checkpoint))
    with plan.run.alone(), Monitor(plan.run, tell_plainly) as monitor, Progress(plan.settings.images_shown) as progress:
        train(plan.run, plan.settings, plan.pictures, context, progress.show, monitor.update, prepare)
    tell_plainly(f"how it went: {plan.run.path / 'report.html'}")
    tell_bundle(export_run(plan.run, plan.bundle, inspect=inspect))


def _report_skipped(skipped: tuple[Skipped, ...]) -> None:
    for one in skipped[:_MOST_SKIPPED_TOLD]:
        tell_plainly(f"skipped {one.name}: {one.reason}")
    if len(skipped) > _MOST_SKIPPED_TOLD:
        tell_plainly(f"... and {len(skipped) - _MOST_SKIPPED_TOLD} more: {len(skipped)} files were skipped in all")
