"""`zoetrope evaluate`: a model and held-out pictures -> scores in its card, and what they say in sentences.

a person -> [evaluate] -> api -> evaluation
"""

from pathlib import Path
from typing import Annotated

import rich
import typer

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import MODEL_HELP, PicturesArgument


def evaluate(
    model: Annotated[Path, typer.Argument(help=MODEL_HELP)],
    pictures: PicturesArgument,
    fit: Annotated[bool, typer.Option("--fit", help="Train an evaluator from their labels, once.")] = False,
    features: Annotated[
        str, typer.Option(help="imagenet, wavelets or evaluator.  (evaluator; without labels imagenet where installed)")
    ] = "auto",
    images: Annotated[
        int | None, typer.Option(min=2, help="How many to draw.  (as the test pictures, up to 10,000)")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the pictures that are drawn.")] = 0,
    usefulness: Annotated[
        bool, typer.Option("--usefulness/--no-usefulness", help="What its pictures are worth to a classifier.")
    ] = True,
    leaks: Annotated[
        bool, typer.Option("--leaks/--no-leaks", help="Whether what it draws tells its training pictures from others.")
    ] = True,
    probe_seeds: Annotated[int, typer.Option(min=2, max=10, help="Repetitions of these two.")] = 3,
    inception: Annotated[Path | None, typer.Option(help="Weights of Inception: the canonical FID as well.")] = None,
    index: Annotated[
        Path | None, typer.Option(help="Write its training pictures to this file: ZOETROPE_INDEX of a service.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads that draw.  (all cores)")] = None,
) -> None:
    """Score a MODEL against held-out PICTURES, those it was trained on, and write the scores into its card."""
    with errors_as_messages():
        from training import api

        scores = api.evaluate(
            model,
            pictures,
            report=print_plain,
            fit=fit,
            usefulness=usefulness,
            leaks=leaks,
            probe_seeds=probe_seeds,
            features=features,
            images=images,
            seed=seed,
            inception=inception,
            index=index,
            device=device,
            threads=threads,
        )
        from models.bundle import find_bundle
        from training.evaluation.scores_table import classes_table, headlines, scores_table, sentences

        name = find_bundle(model).name
        for sentence in headlines(name, scores):
            print_plain(sentence)
        for table in (scores_table(name, scores), classes_table(scores)):
            if table is not None:
                rich.print(table)
        for sentence in sentences(scores):
            print_plain(sentence)
