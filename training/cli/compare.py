"""`python -m training compare`: several ways to learn, on the same pictures -> one table, one picture, one page.

a person -> [compare] -> pictures, comparing.recipes -> running, judging -> comparing.comparison
"""

from pathlib import Path
from typing import Annotated

import typer

from models.bundle import open_bundle, write_scores
from training.cli.console import tell_bundle, tell_plainly, told
from training.cli.fit import model_name, preset_for, resolved
from training.cli.options import (
    PicturesArgument,
    ResizeOption,
    SizeOption,
    open_with_progress,
    real_of,
    shape_of,
    tell_if_others,
)
from training.cli.running import Plan, carry_out
from training.comparison.comparison import write_comparison
from training.comparison.entries import Entry, entries_named, spread
from training.comparison.recipes import RECIPES
from training.comparison.rows import row_of
from training.config import PRESETS, Settings
from training.data.dataset import Pictures
from training.data.shape import Shape
from training.data.stacked import PREFIX
from training.device import ComputeContext, select_device
from training.evaluation.evaluate import StackReader, evaluate_bundle, stack_reader
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.reference import RealPictures, Reference
from training.export.bundle import export_run
from training.run import RUNS, Run
from training.throughput import measure_throughput
from training.train import begin

_NAMES = f"Recipes to train ({', '.join(RECIPES)}; all, if none is named), and folders of models to take as they are."


def compare(
    pictures: PicturesArgument,
    names: Annotated[list[str] | None, typer.Argument(help=_NAMES)] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write.  (runs/compare-<name of the data>)")] = None,
    preset: Annotated[str | None, typer.Option(help=f"{', '.join(PRESETS)}.  (by the size of the pictures)")] = None,
    kimg: Annotated[float | None, typer.Option(help="Thousand images to show to each recipe.  (its own)")] = None,
    size: SizeOption = None,
    resize: ResizeOption = "crop",
    fit: Annotated[bool, typer.Option("--fit", help="Train a judge from their labels, once.")] = False,
    minutes: Annotated[
        list[float] | None,
        typer.Option(min=0, help="Train each recipe for so long, compiling included; may be repeated."),
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, help="Of weights, codes and order; may be repeated.  (0)")
    ] = None,
    device: Annotated[str, typer.Option(help="To train on: auto, cpu, cuda ...")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.  (all cores)")] = None,
) -> None:
    """Compare ways to learn on PICTURES: train what is missing, judge all alike. Interrupted, the same line goes on."""
    with told():
        if kimg is not None and minutes:
            raise ValueError("--kimg and --minutes both say how long to learn; give one of them")
        context = ComputeContext(where := select_device(device, threads), compiled=where.type == "cuda")
        train = open_with_progress(pictures, shape_of(size, resize, None))
        out = out or RUNS / f"compare-{model_name(train.name)}"
        entries = spread(entries_named(names or [], out / "models", train), minutes or [], seed or [0])
        settings = {
            entry.name: resolved(
                entry.recipe.settings(preset or preset_for(train), kimg).with_changes(resize=resize, seed=entry.seed),
                train,
                context,
            )
            for entry in entries
            if entry.recipe is not None
        }
        real = _real(train, pictures, resize)
        reader = _reader(pictures, train, resize, fit, context) if pictures.startswith(PREFIX) else None
        fit = fit and reader is None
        reference = Reference(real, find_evaluator(real, fit=fit, device=context.device, report=tell_plainly))
        # What is there comes first: what the judge finds wrong with it should not wait for the training.
        for entry in sorted(entries, key=lambda entry: entry.recipe is not None):
            if entry.recipe is not None:
                _make(entry, _of_length(entry, settings[entry.name], train, out, context), train, out, context)
            else:
                tell_if_others(train, pictures, open_bundle(entry.bundle).card)
            write_scores(entry.bundle, evaluate_bundle(entry.bundle, reference, reader=reader, threads=threads))
            tell_plainly(
                f"{entry.name}: judged, and its scores written into {entry.bundle}/card.json; its version stays"
            )
        report = write_comparison(out, train.name, [row_of(entry, real, threads) for entry in entries], real)
        tell_plainly((out / "table.md").read_text())
        tell_plainly(f"wrote {report}; serve what was trained: ZOETROPE_MODELS={out / 'models'} make serve")


def _real(train: Pictures, source: str, resize: str) -> RealPictures:
    """Both parts, in the shape of the one that is trained on."""
    _, height, width, channels = train.images.shape
    test = open_with_progress(source, Shape((height, width), channels, resize), "test")
    return real_of(train, test)


def _reader(source: str, stacks: Pictures, resize: str, fit: bool, context: ComputeContext) -> StackReader:
    """Who reads the digits that stacks are made of."""
    shape = Shape(stacks.images.shape[1:3], 1, resize)
    train, test = (open_with_progress(source.removeprefix(PREFIX), shape, part) for part in ("train", "test"))
    return stack_reader(real_of(train, test), fit=fit, device=context.device, report=tell_plainly)


def _of_length(entry: Entry, settings: Settings, pictures: Pictures, out: Path, context: ComputeContext) -> Settings:
    """With as many images as the minutes of the entry have room for, where it has any."""
    if entry.minutes is None or entry.recipe is None:
        return settings
    pace = measure_throughput(settings, pictures, context, out / f"pace-{entry.recipe.word}.json")
    return settings.with_changes(images_shown=pace.images_within(60 * entry.minutes, settings.batch))


def _make(entry: Entry, settings: Settings, pictures: Pictures, out: Path, context: ComputeContext) -> None:
    """Train a recipe and write its bundle, or find both as they should be."""
    run = Run(out / "runs" / entry.name)
    run.begin(settings, pictures)
    if entry.made_by(run):
        tell_plainly(f"{entry.name}: trained before")
    elif entry.learns:
        tell_plainly(f"{entry.name}: {settings.images_shown:,} images to show")
        carry_out(Plan(pictures, settings, run, entry.bundle), context)
    else:
        if not run.checkpoint.exists():
            begin(run, settings, pictures, context)
        tell_bundle(export_run(run, entry.bundle))
