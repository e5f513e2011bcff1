"""A plan in a few lines: what `fit` and `finetune` print before the first step, and with --verbose every setting.

plan -> [show_plan] -> the terminal, execution

What is learned, from what, for how long, and where to look at it; then what a person should know of the pictures.
Then a question where a model would be replaced, and the run itself: both commands end here.
"""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich
import typer
from rich.table import Table

from training.cli.console import print_bundle, print_plain
from training.config import FINETUNING_SETTINGS

if TYPE_CHECKING:
    from training.data.dataset import Pictures
    from training.data.decode import Skipped
    from training.device import ComputeContext
    from training.plan import Plan

_HINT = "--verbose shows every setting."
_MOST_SKIPPED_SHOWN = _MOST_CLASSES_SHOWN = 20
_KINDS = {
    "gan": "a GAN",
    "autoencoder": "an autoencoder",
    "denoising": "a denoising autoencoder",
    "variational": "a variational autoencoder",
    "rated": "a generator that follows grades",
}
_FEW_PICTURES, _FEW_TO_TRAIN_ON = 100, 80
"""With fewer the discriminator soon knows each of them by heart; about a tenth of them is held out."""
_RARE = 0.5
"""Share of a class's mean number of pictures: one that has fewer is recognised later than the others."""


def show_and_carry_out(plan: "Plan", context: "ComputeContext", dry_run: bool, verbose: bool) -> None:
    """Print the plan, ask what it asks, train and write the bundle.

    Args:
        dry_run: print what carrying it out would say first, and stop.
        verbose: print every setting, too.

    Raises:
        WouldReplace: the bundle may not take another model's name.
        Diverged, ExportDiffers, OlderVersion, RunBusy, RunDiffers, Stopped: as `execution.carry_out`.
    """
    from training.execution import carry_out

    if context.distributed.is_main:
        show_plan(plan, context, verbose)
    plan = answered(plan, context, asks=not dry_run)
    if not dry_run:
        if bundle := carry_out(plan, context, print_plain):
            print_bundle(bundle)
    elif plan.round is None:
        show_forecast(plan, context)


def show_plan(plan: "Plan", context: "ComputeContext", verbose: bool = False) -> None:
    """Print what is learned from what, for how long and where to look, and which files were skipped.

    Args:
        verbose: every setting, and the size of the networks, too.
    """
    pictures, count = plan.pictures, len(plan.pictures.images)
    for line in _first_lines(plan, context):
        print_plain(line)
    if verbose:
        rich.print(_table(plan, context))
    else:
        print_plain(_HINT)
    if count < _FEW_TO_TRAIN_ON:
        print_plain(
            f"warning: {count} {'picture is' if count == 1 else 'pictures are'} very few, expected {_FEW_PICTURES} or "
            "more, better some thousands: the model will repeat these pictures and draw hardly any new ones. Add more."
        )
    for note in pictures.notes:
        print_plain(note)
    _print_skipped(pictures.skipped)


def _first_lines(plan: "Plan", context: "ComputeContext") -> list[str]:
    """A sentence each."""
    from training.checkpoint import images_shown_in
    from training.monitoring.report import REPORT

    pictures, settings, shown = plan.pictures, plan.settings, images_shown_in(plan.run.checkpoint)
    count, height, width, channels = pictures.images.shape
    classes = f", in {len(pictures.classes or ())} classes: {_classes_of(pictures)}" if settings.conditional else ""
    kind = f"{_KINDS[settings.method]} with preset {settings.preset}"
    goes_on = f", of which {shown:,} were shown before" if shown else ""
    budget = "" if plan.minutes is None else f", in {plan.minutes:g} minutes"
    where = f"{context.device}{', compiled' if context.compiles(settings) else ''}"
    return [
        f"{count:,} pictures of {height} x {width} x {channels} from {pictures.name}{classes}.",
        f"They train {kind} on {where}: {settings.images_shown:,} images to show{goes_on}{budget}.",
        *_rare_class_line(plan),
        f"Look at {plan.run.path / REPORT} meanwhile; it loads itself again. The model will be {plan.bundle}.",
    ]


def _rare_class_line(plan: "Plan") -> list[str]:
    """What a person may set where classes have unlike numbers of pictures: of a new GAN that learns them."""
    settings, counts = plan.settings, plan.pictures.class_counts
    if counts is None or not settings.conditional or settings.method != "gan" or settings.parent:
        return []
    rarest = min(counts)
    if settings.classification_weight or rarest >= _RARE * sum(counts) / len(counts):
        return []
    name = (plan.pictures.classes or ())[counts.index(rarest)]
    return [
        f"Rare classes, as {name} with {rarest:,} pictures, become recognisable sooner with "
        "--set classification_weight=0.3, at the cost of variety."
    ]


def _table(plan: "Plan", context: "ComputeContext") -> Table:
    """Every setting that the method uses, and the size of its networks."""
    from training.methods import new_method
    from training.networks.geometry import geometry_of

    pictures, settings = plan.pictures, plan.settings
    table = Table(show_header=False)
    for name, value in asdict(settings).items():
        if settings.method == "rated" or name not in FINETUNING_SETTINGS:
            table.add_row(name, f"{value:,}" if type(value) is int else str(value))
    geometry = geometry_of(settings, pictures.images.shape[1:], len(pictures.classes or ()))
    for name, network in new_method(settings, geometry, context.device).networks.items():
        parameters = sum(parameter.numel() for parameter in network.parameters())
        table.add_row(f"{name} parameters", f"{parameters:,}")
    return table


def _classes_of(pictures: "Pictures") -> str:
    """How many pictures each class has."""
    counts = list(zip(pictures.classes or (), pictures.class_counts or (), strict=True))
    said = [f"{name} {count:,}" for name, count in counts[:_MOST_CLASSES_SHOWN]]
    if len(counts) > len(said):
        numbers = [count for _, count in counts]
        said.append(f"and {len(counts) - len(said):,} more; all have {min(numbers):,} to {max(numbers):,} pictures")
    return ", ".join(said)


def answered(plan: "Plan", context: "ComputeContext", asks: bool = True) -> "Plan":
    """Ask on a terminal whether the bundle may take another model's name; elsewhere refuse it.

    Args:
        asks: False: a terminal is told the question and not asked, because nothing is written.

    Raises:
        WouldReplace: the answer is no.
    """
    if plan.question is None or context.distributed.world_size > 1:
        return plan.answered(False)
    if not asks and sys.stdin.isatty():
        print_plain(f"{plan.question} The run will ask whether to replace it.")
        return plan.answered(True)
    return plan.answered(may_replace(plan.question))


def may_replace(question: str) -> bool:
    """Ask on a terminal whether a bundle may take another model's name; elsewhere it may not."""
    if not sys.stdin.isatty():
        return False
    print_plain(question)
    return typer.confirm("Replace it?")


def show_forecast(plan: "Plan", context: "ComputeContext") -> None:
    """Print what carrying it out would say first: what changes within the run, and how long it takes here."""
    from training.plan import forecast_of

    lines = [*plan.notes, *forecast_of(plan, context).lines()]
    if context.distributed.is_main:
        for line in lines:
            print_plain(line)


def plan_lines(plan: "Plan", context: "ComputeContext") -> list[str]:
    """What a dry run prints, as lines, for one who reads them elsewhere."""
    with rich.get_console().capture() as captured:
        show_plan(plan, context)
        show_forecast(plan, context)
    return [line for line in captured.get().splitlines() if line != _HINT]


def _print_skipped(skipped: "tuple[Skipped, ...]") -> None:
    for one in skipped[:_MOST_SKIPPED_SHOWN]:
        print_plain(f"skipped {one.name}: {one.reason}")
    if len(skipped) > _MOST_SKIPPED_SHOWN:
        print_plain(f"... and {len(skipped) - _MOST_SKIPPED_SHOWN} more: {len(skipped)} files were skipped in all")
