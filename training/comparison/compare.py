"""A whole comparison: train what is missing, evaluate all alike, write one table and one page.

    recipes, table, comparison, plan (train, export), evaluation -> compare -> the command `compare`

Interrupted, the same call resumes: runs are continued, bundles that exist are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.bundle import open_bundle
from models.scores import Scores
from training.comparison.comparison import caption, write_comparison
from training.comparison.recipes import Entry, Recipe, entries_named, spread
from training.comparison.table import as_text, cells, in_sentences, row_of
from training.config import ResizeName, Settings
from training.data.dataset import Pictures
from training.data.reading import Reading
from training.data.shape import Shape
from training.data.splits import PREFIX
from training.device import ComputeContext
from training.evaluation.controls import checked_controls
from training.evaluation.evaluate import StackReader, evaluate_bundle, stack_reader, write_scores_of
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.in_use import kept
from training.evaluation.reference import RealPictures, Reference
from training.execution import carry_out
from training.exporter.bundle import export_run
from training.inputs import Report, open_with_progress, real_pictures, report_other_data, with_held_out
from training.monitoring.log_statistics import LogStatistics
from training.plan import Plan, model_name, resolve_settings
from training.run import RUNS, Run
from training.throughput import measure_throughput
from training.train import save_initial_checkpoint


@dataclass(frozen=True)
class CompareOptions:
    """What a comparison may be asked for."""

    out: Path | None = None
    """The folder to write; `runs/compare-<name of the data>` by default."""
    preset: str | None = None
    kimg: float | None = None
    """Thousand images to show to each recipe; its own by default."""
    minutes: Sequence[float] = ()
    """Training budgets: each recipe is trained once for each, compiling included."""
    seeds: Sequence[int] = (0,)
    resize: ResizeName = "crop"
    fit: bool = False
    """Train an evaluator from the labels, once."""
    threads: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings of every recipe that are replaced, by their names."""


def compare(
    source: str, shape: Shape, names: Sequence[str], options: CompareOptions, context: ComputeContext, report: Report
) -> Path:
    """Compare recipes and bundles on the same pictures.

    Args:
        source: pictures, as `open_pictures` takes them.
        names: recipes to train, and folders of bundles to take as they are; every recipe, if there are none.

    Returns:
        The page, next to `table.md`, `table.json` and the models.

    Raises:
        EvaluatorRefused: the evaluator orders pictures of known quality wrongly.
        ValueError: a name, an option or a bundle that cannot be compared; says what can. No model was trained then.
    """
    train = with_held_out(open_with_progress(source, shape), source, options.resize, Reading())
    out = options.out or RUNS / f"compare-{model_name(train.name)}"
    entries = spread(entries_named(names, out / "models", train), options.minutes, options.seeds)
    settings = {
        entry.name: _settings(entry, entry.recipe, options, train, context, out)
        for entry in entries
        if entry.recipe is not None
    }
    real, reader = _real(source, train, options.resize), None
    if source.startswith(PREFIX):
        reader = _stack_reader(source, train, options, context, report)
    fit = options.fit and reader is None
    reference = Reference(real, find_evaluator(real, fit=fit, device=context.device, report=report))
    controls = checked_controls(reference.evaluator, real, reference.images, report)
    found: dict[str, Scores] = {}
    # Bundles that exist come first: what the evaluator finds wrong with them should not wait for the training.
    for entry in sorted(entries, key=lambda entry: entry.recipe is not None):
        if entry.recipe is not None:
            _train(entry, entry.recipe, settings[entry.name], train, out, context, report)
        else:
            report_other_data(train, source, open_bundle(entry.bundle).card, report)
        card = open_bundle(entry.bundle).card
        scores = evaluate_bundle(entry.bundle, reference, reader=reader, threads=options.threads)
        also = {"controls": controls, **kept(card, real)}
        found[entry.name] = scores.model_copy(update=also)
        write_scores_of(entry.bundle, card, found[entry.name], real, report)
        report(f"{entry.name} is evaluated: its scores are in {entry.bundle}/card.json, and its version stays.")
    rows = [row_of(entry, real, options.threads, _log_of(entry, out), found[entry.name]) for entry in entries]
    page = write_comparison(out, train.name, rows, real)
    report(f"\n{as_text(*cells(rows))}\n* is the best of a column. {caption(rows)}\n")
    for sentence in in_sentences(rows):
        report(sentence)
    report(f"The page is {page}, and the table for a README is {out / 'table.md'}.")
    if any(entry.recipe is not None for entry in entries):
        report(f"This serves what was trained: ZOETROPE_MODELS={out / 'models'} zoetrope serve")
    return page


def _log_of(entry: Entry, out: Path) -> LogStatistics | None:
    """What the training of an entry logged; None for a bundle that is taken as it is."""
    if entry.recipe is None:
        return None
    run = Run(out / "runs" / entry.name)
    return LogStatistics(run.lines(), run.settings())


def _settings(
    entry: Entry, recipe: Recipe, options: CompareOptions, pictures: Pictures, context: ComputeContext, out: Path
) -> Settings:
    """Of a recipe; its length may still follow from a training budget."""
    run = Run(out / "runs" / entry.name)
    settings = recipe.settings(pictures, options.preset, options.kimg, run.edition)
    settings = settings.with_changes(hold_out_from=run.hold_out_from, resize=options.resize, seed=entry.seed)
    changes = options.changes
    return resolve_settings(settings.with_changes(**changes), pictures, context)


def _real(source: str, train: Pictures, resize: ResizeName) -> RealPictures:
    """Both parts, in the shape of the one that is trained on."""
    _, height, width, channels = train.images.shape
    return real_pictures(train, open_with_progress(source, Shape((height, width), channels, resize), "test"))


def _stack_reader(
    source: str, stacks: Pictures, options: CompareOptions, context: ComputeContext, report: Report
) -> StackReader:
    """What reads the digits that stacks are made of."""
    _, height, width, _ = stacks.images.shape
    shape = Shape((height, width), 1, options.resize)
    train, test = (open_with_progress(source.removeprefix(PREFIX), shape, part) for part in ("train", "test"))
    return stack_reader(real_pictures(train, test), fit=options.fit, device=context.device, report=report)


def _train(
    entry: Entry,
    recipe: Recipe,
    settings: Settings,
    pictures: Pictures,
    out: Path,
    context: ComputeContext,
    report: Report,
) -> None:
    """Train a recipe and write its bundle, or find that both are there."""
    if entry.minutes is not None:
        throughput = measure_throughput(settings, pictures, context, out / f"pace-{recipe.word}.json")
        settings = settings.with_changes(images_shown=throughput.images_within(60 * entry.minutes, settings.batch))
    run = Run(out / "runs" / entry.name)
    run.begin(settings, pictures)
    if entry.made_by(run):
        report(f"{entry.name} was trained before, and is taken as it is.")
        return
    if entry.learns:
        report(f"{entry.name} is trained: {settings.images_shown:,} images to show.")
        bundle = carry_out(Plan(pictures, settings, run, entry.bundle), context, report)
    else:
        if not run.checkpoint.exists():
            save_initial_checkpoint(run, settings, pictures, context)
        bundle = export_run(run, entry.bundle)
    if bundle is not None:
        report(f"wrote {bundle.path}, version {bundle.card.version}; look at {bundle.path / 'samples.png'}")
