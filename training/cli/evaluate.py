"""`python -m training judge`: a model and real pictures -> scores in its card.

a person -> [judge] -> pictures -> judging
"""

from pathlib import Path
from typing import Annotated

import rich
import typer

from models.bundle import open_bundle
from models.card import Card
from training.cli.console import tell_plainly, told
from training.cli.options import PicturesArgument, open_with_progress, real_of, shape_like, tell_if_others
from training.data.stacked import PREFIX
from training.evaluation.evaluate import evaluate_model, scores_table
from training.evaluation.reference import RealPictures


def judge(
    model: Annotated[Path, typer.Argument(help="A model's folder, such as models/mnist.")],
    pictures: PicturesArgument,
    fit: Annotated[bool, typer.Option("--fit", help="Train a judge from their labels, once.")] = False,
    images: Annotated[
        int | None, typer.Option(min=2, help="How many to judge.  (as the test pictures, up to 10,000)")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the pictures that are judged.")] = 0,
    inception: Annotated[Path | None, typer.Option(help="Weights of Inception: the canonical FID as well.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads that draw.  (all cores)")] = None,
) -> None:
    """Judge a MODEL by the pictures that it learned from, and write the scores into its card."""
    with told():
        card = open_bundle(model).card
        real = real_pictures(pictures, card)
        digits = real_pictures(pictures.removeprefix(PREFIX), card) if pictures.startswith(PREFIX) else None
        scores = evaluate_model(
            model,
            real,
            digits=digits,
            inception=inception,
            fit=fit,
            images=images,
            seed=seed,
            device=device,
            threads=threads,
            report=tell_plainly,
        )
        rich.print(scores_table(card.name, scores))


def real_pictures(source: str, card: Card) -> RealPictures:
    """Both parts of a data set, brought to the shape that a model draws in the way that its training did."""
    stacks_apart = card.training.data.startswith("stacked-") and not source.startswith(PREFIX)
    wanted = shape_like(card, 1 if stacks_apart else None)
    train, test = (open_with_progress(source, wanted, part) for part in ("train", "test"))
    if not stacks_apart:
        tell_if_others(train, source, card)
    return real_of(train, test)
