"""`zoetrope simulate`: the feedback loop with a simulated grader, and figures after every round.

a person -> [simulate] -> feedback
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import rich
import typer
from rich.table import Column, Table

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import MODEL_HELP, PicturesArgument
from training.config import UpdateName

if TYPE_CHECKING:
    from training.device import ComputeContext
    from training.feedback.simulated_rounds import RoundResult, SimulatedRounds

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

        from training.device import ComputeContext
        from training.device_selection import select_device

        context = ComputeContext(select_device(device, threads))
        changes: dict[str, Any] = {"images_shown": None if kimg is None else round(kimg * 1000), "seed": seed}
        way = {"update": cast(UpdateName, update), "strength": strength, "force": force, "changes": changes}
        simulation = _prepared(pictures, model, out, fit, context, (likes, flips, seed, shuffled), way)
        table = Table(
            *_header(), title=f"{simulation.model.name}, a grader who likes {likes}, {update}, strength {strength:g}"
        )
        _add(table, simulation.begin())
        for result in simulation.run(rounds, grades // rounds):
            _add(table, result)
        rich.print(table)
        for column, meaning in _COLUMNS.items():
            print_plain(f"  {column:<11}{meaning}")
        which = "after the last round" if table.row_count > 1 else "as it was: no round was learned from"
        print_plain(f"{simulation.copy} is the model {which}.")


def _prepared(
    pictures: str,
    name: Path,
    out: Path,
    fit: bool,
    context: "ComputeContext",
    grader: tuple[str, float, int, bool],
    way: dict[str, Any],
) -> "SimulatedRounds":
    """Model, pictures and an evaluator that knows their classes, opened and checked.

    Raises:
        ValueError: there is no such evaluator.
    """
    from models.bundle import find_bundle, open_bundle
    from training.evaluation.controls import checked_controls
    from training.evaluation.evaluator import Evaluator
    from training.evaluation.evaluator_store import find_evaluator
    from training.feedback.simulated_rounds import SimulatedRounds
    from training.feedback.simulation import SimulatedGrader
    from training.inputs import open_with_progress, reading_of_model, real_pictures, report_other_data, shape_of_model

    model = find_bundle(name)
    card = open_bundle(model).card
    shape, reading = shape_of_model(card), reading_of_model(card)
    data, test = (open_with_progress(pictures, shape, part, reading=reading) for part in ("train", "test"))
    report_other_data(data, pictures, card, print_plain)
    real = real_pictures(data, test)
    evaluator = find_evaluator(real, fit=fit, device=context.device, report=print_plain)
    if not isinstance(evaluator, Evaluator):
        raise ValueError("found no evaluator that knows these classes, expected one: simulate with --fit")
    checked_controls(evaluator, real, report=print_plain)
    who = SimulatedGrader(real, *grader)
    return SimulatedRounds(model, out, data, real, evaluator, who, context, report=print_plain, **way)


def _header() -> list[Column]:
    return [Column(title, justify="right", no_wrap=True, overflow="fold") for title in _COLUMNS]


def _add(table: Table, result: "RoundResult") -> None:
    figures = result.figures

    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    table.add_row(
        str(result.grades),
        shown(result.agreement, ".0%"),
        shown(figures.share, ".1%"),
        shown(figures.least_share, ".1%"),
        shown(figures.liked_fd, ".2f"),
        shown(figures.liked_diversity, ".2f"),
        shown(figures.ink_deviations, "+.2f"),
        f"{result.seconds:.0f}",
    )
