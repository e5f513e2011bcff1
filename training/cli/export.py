"""`zoetrope export`: a run -> a bundle.

a person -> [export] -> api -> export.bundle
"""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import errors_as_messages, print_bundle


def export(
    run: Annotated[Path, typer.Argument(help="A run's folder, in runs/: `fit --out models/NAME` makes runs/NAME.")],
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (models/<name of the run>)")] = None,
    average: Annotated[int, typer.Option(min=0, help="Which EMA, by its place in half_life_shares.")] = 0,
) -> None:
    """Make a bundle of a run's last checkpoint, finished or not."""
    with errors_as_messages():
        from training import api

        print_bundle(api.export(run, out, average))
