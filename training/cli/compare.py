"""`zoetrope compare`: several ways to learn, on the same pictures -> one table, one picture, one page.

a person -> [compare] -> comparison.compare
"""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import PicturesArgument, ResizeOption, SizeOption, ThreadsOption
from training.comparison.recipes import RECIPES
from training.config import PRESETS, Settings

_NAMES = (
    f"Recipes to train ({', '.join(RECIPES)}; all, if none is named), and models to take as they are: folders, or "
    "names in ZOETROPE_MODELS (./models)."
)


def compare(
    pictures: PicturesArgument,
    names: Annotated[list[str] | None, typer.Argument(help=_NAMES)] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write.  (runs/compare-<name of the data>)")] = None,
    preset: Annotated[str | None, typer.Option(help=f"{', '.join(PRESETS)}.  (by the size of the pictures)")] = None,
    kimg: Annotated[float | None, typer.Option(help="Thousand images to show to each recipe.  (its own)")] = None,
    size: SizeOption = None,
    resize: ResizeOption = "crop",
    fit: Annotated[bool, typer.Option("--fit", help="Train an evaluator from their labels, once.")] = False,
    minutes: Annotated[
        list[float] | None,
        typer.Option(min=0, help="Training budget of each recipe, compiling included; may be repeated."),
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, help="Of weights, latent codes and order; may be repeated.  (0)")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Replace a setting of every recipe; may be repeated."),
    ] = None,
    device: Annotated[str, typer.Option(help="To train on: auto, cpu, cuda ...")] = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Compare recipes on PICTURES: train what is missing, evaluate all alike. Interrupted, the same line resumes."""
    with errors_as_messages():
        if kimg is not None and minutes:
            raise ValueError("--kimg and --minutes both say how long to learn; give one of them")
        from training.data.dataset import check_source
        from training.data.shape import Shape

        check_source(pictures)
        changes = Settings.parse_changes(settings or ())
        shape = Shape.parse(size, resize, None)

        from training.comparison import compare as comparison
        from training.options import ComputeOptions

        options = comparison.CompareOptions(
            out, preset, kimg, minutes or (), seed or (0,), shape.resize, fit, threads, changes
        )
        with ComputeOptions(device, threads).context() as context:
            comparison.compare(pictures, shape, names or (), options, context, print_plain)
