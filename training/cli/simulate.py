"""`zoetrope simulate`: the feedback loop with a simulated grader, and figures after every round.

a person -> [simulate] -> feedback
"""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import rich
import typer
from rich.table import Column, Table

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import MODEL_HELP, PicturesArgument
from training.config import UpdateName

if TYPE_CHECKING:
    from training.device import ComputeContext
    from training.evaluation.evaluator import Evaluator
    from training.feedback.finetuning_round import FineTuningRound
    from training.feedback.grades import Grade
    from training.feedback.simulation import SimulationFigures
    from training.run import Run

_COLUMNS = {
    "grades": "given so far",
    "agreement": "share of held-out pairs that the reward model orders correctly",
    "liked": "share of the liked class among drawn pictures; it should rise",
    "rarest": "share of the class that is drawn least; 0 % is a lost class",
    "FD liked": "Frechet distance of the liked class to real ones; lower is nearer",
    "diversity": "of drawn pictures of the liked class; 1 is as diverse as real ones",
    "ink": "mean brightness above the data's, in standard deviations of those",
    "seconds": "that the round took",
}
"""Title, short enough for 80 characters, and what it means: the legend below the table."""


def simulate(
    pictures: PicturesArgument,
    model: Annotated[
        Path, typer.Option("--from", help=f"The model to begin with; a copy of it is taken. {MODEL_HELP}")
    ],
    likes: Annotated[str, typer.Option(help="What the grader likes: the name of a class, or ink.")],
    grades: Annotated[int, typer.Option(min=1, help="How many in all.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="In how many rounds.")] = 4,
    strength: Annotated[float, typer.Option(help="How far to go: 0 to below 1.")] = 0.4,
    flips: Annotated[float, typer.Option(min=0, max=1, help="Share of the grades that are turned around.")] = 0.05,
    shuffled: Annotated[bool, typer.Option("--shuffled", help="Give the grades to other pictures: a control.")] = False,
    update: Annotated[str, typer.Option(help="tilted, both, gradient or literal.")] = "tilted",
    kimg: Annotated[float | None, typer.Option(help="Thousand images a round.  (as finetune)")] = None,
    force: Annotated[bool, typer.Option("--force", help="As of finetune.")] = False,
    fit: Annotated[bool, typer.Option("--fit", help="Train an evaluator from the labels, once.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the grader and of what it is asked.")] = 0,
    out: Annotated[Path, typer.Option(help="Emptied first.")] = Path("runs/simulation"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.  (all cores)")] = None,
) -> None:
    """Let a simulated grader with a known taste move a MODEL, and measure what comes of it."""
    with errors_as_messages():
        from training.data.dataset import check_source

        check_source(pictures)

        from models.bundle import find_bundle, open_bundle
        from training.device import ComputeContext
        from training.device_selection import select_device
        from training.evaluation.controls import checked_controls
        from training.evaluation.evaluator import Evaluator
        from training.evaluation.evaluator_store import find_evaluator
        from training.feedback.finetuning_round import new_round
        from training.feedback.reward_model import InconclusiveGrades
        from training.feedback.simulation import SimulatedGrader, collect_grades, measure_model
        from training.inputs import (
            open_with_progress,
            reading_of_model,
            real_pictures,
            report_other_data,
            shape_of_model,
        )
        from training.run import Run

        context = ComputeContext(select_device(device, threads))
        model = find_bundle(model)
        card = open_bundle(model).card
        shape, reading = shape_of_model(card), reading_of_model(card)
        data, test = (open_with_progress(pictures, shape, part, reading=reading) for part in ("train", "test"))
        report_other_data(data, pictures, card, print_plain)
        real = real_pictures(data, test)
        evaluator = find_evaluator(real, fit=fit, device=context.device, report=print_plain)
        if not isinstance(evaluator, Evaluator):
            raise ValueError("found no evaluator that knows these classes, expected one: simulate with --fit")
        checked_controls(evaluator, real, report=print_plain)
        grader = SimulatedGrader(real, likes, flips, seed, shuffled)
        shutil.rmtree(out, ignore_errors=True)
        copy = out / "models" / model.name
        shutil.copytree(model, copy)
        table = Table(*_header(), title=f"{model.name}, a grader who likes {likes}, {update}, strength {strength:g}")
        _add(table, 0, None, measure_model(copy, real, evaluator, grader.liked), 0)
        given: list[Grade] = []
        random = np.random.default_rng(seed)
        for number in range(rounds):
            begun = time.monotonic()
            print_plain(f"round {number + 1} of {rounds}: {grades // rounds} grades, then fine-tuning")
            given += collect_grades(copy, grader, grades // rounds, int(random.integers(2**50)))
            changes: dict[str, Any] = {"images_shown": None if kimg is None else round(kimg * 1000), "seed": seed}
            try:
                one = new_round(
                    copy,
                    given,
                    data,
                    changes,
                    context=context,
                    update=cast(UpdateName, update),
                    strength=strength,
                    force=force,
                )
            except InconclusiveGrades as error:
                print_plain(f"round {number + 1}: {error}")
                continue
            _learn(one, Run(out / f"round-{number + 1}"), copy, context, evaluator, force)
            seconds = time.monotonic() - begun
            _add(table, len(given), one.agreement.share, measure_model(copy, real, evaluator, grader.liked), seconds)
        rich.print(table)
        for column, meaning in _COLUMNS.items():
            print_plain(f"  {column:<11}{meaning}")
        which = "after the last round" if table.row_count > 1 else "as it was: no round was learned from"
        print_plain(f"{copy} is the model {which}.")


def _header() -> list[Column]:
    return [Column(title, justify="right", no_wrap=True, overflow="fold") for title in _COLUMNS]


def _learn(
    one: "FineTuningRound", run: "Run", model: Path, context: "ComputeContext", evaluator: "Evaluator", force: bool
) -> None:
    from training.exporter.bundle import export_run
    from training.train import train

    run.begin(one.settings, one.pictures)
    train(run, one.settings, one.pictures, context, prepare=one.prepare)
    export_run(run, model, inspect=one.inspect(evaluator, force, print_plain))


def _add(table: Table, grades: int, agreement: float | None, figures: "SimulationFigures", seconds: float) -> None:
    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    table.add_row(
        str(grades),
        shown(agreement, ".0%"),
        shown(figures.share, ".1%"),
        shown(figures.least_share, ".1%"),
        shown(figures.liked_fd, ".2f"),
        shown(figures.liked_diversity, ".2f"),
        shown(figures.ink_deviations, "+.2f"),
        f"{seconds:.0f}",
    )
