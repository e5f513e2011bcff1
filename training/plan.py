"""From options to a plan: what will be learned, from what, and where it goes.

    options -> [plan]: plan_fit | plan_finetuning -> Plan -> execution

Works without a terminal: what a person should read goes to `report`. Imports
torch only after the options and the path of the pictures were checked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from training.config import ADVERSARIAL_METHODS, METHODS_WITH_CLASSES, Settings, preset_named
from training.data.dataset import Pictures, check_source, data_name
from training.data.shape import Shape
from training.defaults import default_settings
from training.feedback.ratings_client import without_password
from training.inputs import (
    Report,
    open_with_progress,
    reading_of_model,
    report_other_data,
    shape_of_model,
    whole_path,
    with_held_out,
)
from training.options import FinetuneOptions, FitOptions, UngradedOptions
from training.replacement import WouldReplace, check_out, question
from training.run import RUNS, Run

if TYPE_CHECKING:
    from training.budget import Forecast
    from training.checkpoint import TrainingState
    from training.device import ComputeContext
    from training.feedback.finetuning_round import FineTuningRound
    from training.feedback.grades import Grade

MODELS = Path("models")


class Parent(Protocol):
    """A model that a run on other pictures starts from; `transfer` has it."""

    @property
    def record(self) -> dict[str, str]:
        """What the new model's card keeps of it."""

    def prepare(self, state: "TrainingState") -> None:
        """Put its weights into a run that begins."""


@dataclass(frozen=True)
class Plan:
    """What will be learned, from what, and where it goes."""

    pictures: Pictures
    settings: Settings
    run: Run
    bundle: Path
    """The bundle to write."""
    round: "FineTuningRound | None" = None
    """Of fine-tuning: initialises the run from the pretrained model, and tests what came of it."""
    force: bool = False
    """Of fine-tuning: write the bundle even where the acceptance test fails."""
    minutes: float | None = None
    """The budget that the length follows from."""
    heal: bool = False
    """Go back and on more gently where the run goes wrong."""
    notes: tuple[str, ...] = ()
    """What a person should know before it starts: what changes within the run, why a GPU is not used."""
    question: str | None = None
    """Whose model the bundle would replace; to be answered before it is carried out."""
    licence: str | None = None
    """Of the pictures."""
    transfer: Parent | None = None
    """The model that the run starts from, where it goes on with other pictures."""
    source: str | None = None
    """Where the pictures are, for a later round: an absolute path, or the word `digits`."""

    @property
    def prepare(self) -> "Callable[[TrainingState], None] | None":
        """Puts the weights of the model that the run starts from into it; None where it starts from none."""
        started_from = self.round or self.transfer
        return started_from.prepare if started_from else None

    def answered(self, replace_it: bool) -> "Plan":
        """The plan with its question answered.

        Raises:
            WouldReplace: the answer is no.
        """
        if self.question is not None and not replace_it:
            raise WouldReplace(self.question)
        return replace(self, question=None)


def check_fit(source: str, options: FitOptions, out: Path | None = None) -> Shape:
    """Refuse what cannot be before torch is loaded; returns the shape that is asked for.

    Raises:
        FileNotFoundError: there are no such pictures.
        ValueError: an option is not valid; says which values are.
    """
    check_out(out)
    if options.kimg is not None and options.minutes is not None:
        raise ValueError("--kimg and --minutes both say how long to learn; give one of them")
    if options.classes and options.method not in METHODS_WITH_CLASSES:
        raise ValueError(f"--classes: {options.method} learns no classes; of the methods gan and variational do")
    if options.augment == "auto" and options.method not in ADVERSARIAL_METHODS:
        raise ValueError(f"--augment: {options.method} has no discriminator that could overfit; of the methods gan has")
    options.reading()
    check_source(source)
    preset_named(options.preset or "tiny", options.method, options.network).with_changes(**options.changes())
    return Shape.parse(options.size, options.resize, options.channels)


def plan_fit(source: str, out: Path | None, options: FitOptions, context: "ComputeContext") -> Plan:
    """Read the pictures and decide every setting. Writes nothing but the cache of decoded pictures.

    Raises:
        FileNotFoundError, ValueError: as `check_fit` and `open_pictures`.
        RunDiffers: the run's folder holds another run.
    """
    shape = check_fit(source, options, out)
    bundle = out or MODELS / model_name(data_name(source))
    run = Run(options.run or RUNS / bundle.name)
    reading = replace(options.reading(), hold_out_from=run.hold_out_from)
    pictures = with_held_out(open_with_progress(source, shape, reading=reading), source, shape.resize, reading)
    settings = default_settings(pictures, options.preset, options.method, options.network, run.edition)
    settings = settings.with_changes(**options.changes(), hold_out_from=run.hold_out_from)
    check_out(bundle)
    return replace(plan_of(pictures, settings, run, bundle, options, context), source=whole_path(source))


def plan_of(
    pictures: Pictures,
    settings: Settings,
    run: Run,
    bundle: Path,
    options: UngradedOptions,
    context: "ComputeContext",
    transfer: Parent | None = None,
) -> Plan:
    """The plan of a run on pictures alone: its length by the budget, and whose model its bundle would replace.

    Raises:
        RunDiffers: the run's folder holds another run.
        ValueError: the budget is used up, or too small.
    """
    settings = resolve_settings(settings, pictures, context)
    if options.minutes is not None:
        from training.throughput import settings_within

        settings = settings_within(options.minutes, settings, pictures, run, context)
    asked = None if options.replace else question(bundle, {pictures.digest, *run.data_digests()})
    plan = Plan(
        pictures,
        settings,
        run,
        bundle,
        minutes=options.minutes,
        heal=options.heal,
        question=asked,
        licence=options.licence,
        transfer=transfer,
    )
    return checked(plan, context)


def plan_finetuning(
    source: str, out: Path | None, options: FinetuneOptions, context: "ComputeContext", report: Report
) -> Plan:
    """Read model, grades and pictures, fit the reward model, and report what it found.

    Raises:
        RunDiffers: the run's folder holds another run.
        ValueError: several processes, no grades of this model, or grades that decide nothing; says what to do.
    """
    from models.bundle import find_bundle, open_bundle
    from training.feedback.finetuning_round import new_round

    check_out(out)
    check_source(source)
    if context.distributed.world_size > 1:
        raise ValueError(f"found {context.distributed.world_size} processes, expected one: a round of grades is short")
    model = find_bundle(options.model)
    card = open_bundle(model).card
    grades = _some_grades(options, card.name)
    pictures = open_with_progress(source, shape_of_model(card), reading=reading_of_model(card))
    is_other = report_other_data(pictures, source, card, report)
    report(f"found {len(grades):,} grades of {card.name}; next a reward model learns them, and grades the pictures")
    started = new_round(
        model,
        grades,
        pictures,
        options.changes(),
        update=options.update,
        strength=options.strength,
        force=options.force,
        context=context,
    )
    for line in started.lines():
        report(line)
    run = Run(options.run or RUNS / started.name)
    bundle = out or started.parent.bundle.path
    own = bundle.resolve() == model.resolve()
    digests = set() if is_other else {card.training.data_digest}
    asked = None if options.replace else question(bundle, digests, next_version=own)
    plan = Plan(
        started.pictures,
        started.settings,
        run,
        bundle,
        started,
        options.force,
        heal=options.heal,
        question=asked,
        licence=card.training.licence,
        source=whole_path(source),
    )
    return checked(plan, context)


def _some_grades(options: FinetuneOptions, name: str) -> "list[Grade]":
    """Grades of a model's pictures.

    Raises:
        ValueError: there are none; says whose were left out.
    """
    from training.feedback.grades import read_grades

    grades = read_grades(options.ratings, name, options.without, options.until)
    if not grades:
        others = f" but those of {', '.join(options.without)}, which are left out" if options.without else ""
        raise ValueError(
            f"{without_password(options.ratings)}: found no grades of {name}{others}, expected some. "
            "Grade pictures at its page first."
        )
    return grades


def checked(plan: Plan, context: "ComputeContext") -> Plan:
    """The plan, whose run's folder is free or holds this very run: `--dry-run` refuses what the run would refuse."""
    from training.checkpoint import images_shown_in

    notes = plan.run.check(plan.settings, plan.pictures, images_shown_in(plan.run.checkpoint))
    return replace(plan, notes=(*notes, *context.notes(plan.settings)))


def forecast_of(plan: Plan, context: "ComputeContext") -> "Forecast":
    """What the plan costs on this machine, by a few steps that are thrown away; of a plan of minutes, those."""
    from training.checkpoint import progress_in
    from training.throughput import FORECAST_SECONDS, Throughput, forecast, measure_throughput

    shown, used_s = progress_in(plan.run.checkpoint)
    left_s = 60 * (plan.minutes or 0) - used_s
    if left_s > 0:  # its length was chosen by a longer measurement than another one here
        throughput = Throughput(0.0, max(1, plan.settings.images_shown - shown) / left_s)
    else:
        throughput = measure_throughput(plan.settings, plan.pictures, context, tried_seconds=FORECAST_SECONDS)
    return forecast(throughput, shown, plan.settings, plan.pictures, context)


def resolve_settings(settings: Settings, pictures: Pictures, context: "ComputeContext") -> Settings:
    """Decide what only the pictures and the machine can: whether there are classes to learn, and the precision."""
    from training.device import resolve_precision

    conditional = pictures.labels is not None and settings.method in METHODS_WITH_CLASSES
    return resolve_precision(settings.with_changes(conditional=conditional), context.device)


def model_name(data_name: str) -> str:
    """A model's name, from that of its pictures."""
    stem = data_name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-_") or "model"
