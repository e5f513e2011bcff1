"""The functions of this room for a notebook: fit, finetune, evaluate, export, shrink.

    a notebook -> [api] -> plan, evaluation, export -> models/<name>/

Each does what the command of the same name does, raises instead of printing an
error, and reports its progress by `print` unless told otherwise. Exported by
`training` itself: `from training import fit`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.bundle import Bundle, find_bundle, open_bundle, read_card
from models.scores import Scores
from training.data.splits import PREFIX
from training.inputs import Report, real_pictures_for
from training.options import ComputeOptions, FinetuneOptions, FitOptions, TransferOptions
from training.plan import Plan, check_fit, plan_finetuning, plan_fit
from training.replacement import WouldReplace, check_out, question
from training.run import RUNS, Run

if TYPE_CHECKING:
    from training.device import ComputeContext
    from training.exporter.shrink import Shrunk

StrPath = str | Path


def fit(
    pictures: StrPath,
    out: StrPath | None = None,
    *,
    compute: ComputeOptions = ComputeOptions(),
    report: Report = print,
    **options: Any,
) -> Bundle:
    """Train a generator on pictures and write it as a bundle. Interrupted, the same call resumes.

    Args:
        pictures: a folder or zip of pictures, idx or parquet files, or `digits`.
        out: the bundle's folder; `models/<name of the pictures>` by default.
        compute: device, threads and compilation.
        report: gets lines of text for a person.
        options: those of `FitOptions`, such as kimg=100, method="variational", seed=1.

    Returns:
        The bundle, opened.

    Raises:
        FileNotFoundError: there are no such pictures.
        ValueError: an option is not valid, the pictures are not, or the run's folder holds another run.
        WouldReplace: the bundle would take the name of a shipped model, or of one of other pictures; `replace=True`
            goes on.
        Diverged: a loss became infinite or NaN; says what to change.
        Stopped: stopped, and saved.
    """
    given = FitOptions(**options)
    check_fit(str(pictures), given, None if out is None else Path(out))
    with compute.context() as context:
        plan = plan_fit(str(pictures), None if out is None else Path(out), given, context)
        return _carried_out(plan, context, report)


def finetune(
    pictures: StrPath,
    model: StrPath,
    ratings: StrPath | None = None,
    out: StrPath | None = None,
    *,
    compute: ComputeOptions = ComputeOptions(),
    report: Report = print,
    **options: Any,
) -> Bundle:
    """Train a model further: towards what people graded well, or without grades from other pictures of its shape.

    Args:
        pictures: with grades those that the model was trained on; without, new ones.
        model: its bundle: a folder, or a name in ZOETROPE_MODELS (./models).
        ratings: grades of its pictures: a CSV or parquet file, or the http address of a service.
        out: the bundle's folder. By default with grades that of `model`, whose older version is kept next to it, and
            without `models/<name of the pictures>`.
        compute, report: as of `fit`.
        options: those of `FinetuneOptions`, such as strength=0.6, or without grades of `TransferOptions`.

    Raises:
        InconclusiveGrades: the grades do not say what is liked, or are those that the model learned from already;
            `force=True` goes on.
        AcceptanceFailed: the new model lost quality or diversity; `force=True` writes it all the same.
        ValueError: the pictures are not like those of the model, or it cannot be trained further.
    """
    place = None if out is None else Path(out)
    with compute.context() as context:
        if ratings is None:
            from training.transfer import plan_transfer

            plan = plan_transfer(str(pictures), place, TransferOptions(model=Path(model), **options), context, report)
        else:
            given = FinetuneOptions(model=Path(model), ratings=str(ratings), **options)
            plan = plan_finetuning(str(pictures), place, given, context, report)
        return _carried_out(plan, context, report)


def evaluate(model: StrPath, pictures: StrPath, *, report: Report = print, **options: Any) -> Scores:
    """Score a model against held-out pictures, and write the scores into its card; its version stays.

    Where `runs/<name of the model>` is the run that it came from, its report shows them too.

    Args:
        model: a bundle's folder, or a name in ZOETROPE_MODELS (./models).
        pictures: those that it was trained on; their test part is what it is compared with.
        options: `fit`, `features`, `usefulness`, `leaks`, `probe_seeds`, `images`, `seed`, `inception`, `index`,
            `device` and `threads`, as of `evaluate_model`.

    Raises:
        ModelError: the bundle is damaged, or the device is not available.
        ValueError: it draws another shape than the pictures, or classes that the evaluator does not know.
    """
    source, path = str(pictures), find_bundle(model)
    card = open_bundle(path).card
    real = real_pictures_for(source, card, report)
    digits = None
    if source.startswith(PREFIX):
        digits = real_pictures_for(source.removeprefix(PREFIX), card, report)
    from training.evaluation.evaluate import evaluate_model
    from training.monitoring.report import add_evaluation

    scores = evaluate_model(path, real, digits=digits, report=report, **options)
    add_evaluation(Run(RUNS / card.name), open_bundle(path).card)
    return scores


def export(run: StrPath, out: StrPath | None = None, average: int | None = None, *, replace: bool = False) -> Bundle:
    """Make a bundle of a run's last checkpoint, finished or not.

    Args:
        run: a run's folder, in runs/.
        out: the bundle's folder; `models/<name of the run>` by default.
        average: which of the averaged networks, by its place in `half_life_shares`, after which the network itself
            comes; the one chosen at the end of the training, if not given.
        replace: take the name of a shipped model, or of one of other pictures; it stays as `<name>@<version>`.

    Raises:
        FileNotFoundError: the run has no checkpoint yet.
        WouldReplace: such a model is there, and `replace` was not given.
        ValueError: the run has no such average.
        ExportDiffers: the graph's pictures differ from torch's by more than one level of 255.
    """
    from training.exporter.bundle import export_run
    from training.plan import MODELS

    bundle = MODELS / Path(run).name if out is None else Path(out)
    check_out(bundle)
    of = Run(Path(run))
    if of.checkpoint.exists() and not replace:
        asked = question(bundle, of.data_digests(), next_version=bool(of.settings().parent))
        if asked is not None:
            raise WouldReplace(asked)
    return export_run(of, bundle, average)


def shrink(model: StrPath, out: StrPath | None = None, *, replace: bool = False) -> "Shrunk":
    """Halve a model: its weights rounded to float16, the generator kept once. It draws as fast.

    Args:
        model: its bundle: a folder, or a name in ZOETROPE_MODELS (./models).
        out: the new bundle's folder; by default that of `model`, whose older version is kept next to it.
        replace: take the name of a model of other pictures; it stays as `<name>@<version>`.

    Raises:
        ModelError: the bundle is damaged.
        WouldReplace: a model of other pictures is there, and `replace` was not given.
        ValueError: its weights are float16 already, or too large for it.
    """
    from training.exporter.shrink import shrink_bundle

    path = find_bundle(model)
    place = path if out is None else Path(out)
    check_out(place)
    asked = question(place, [read_card(path).training.data_digest], next_version=True)
    if asked is not None and not replace:
        raise WouldReplace(asked)
    return shrink_bundle(path, place)


def _carried_out(plan: Plan, context: "ComputeContext", report: Report) -> Bundle:
    """Other processes than the main one, and one that finds nothing to do, open the bundle that is there."""
    from training.execution import carry_out

    return carry_out(plan, context, report) or open_bundle(plan.bundle)
