"""`python -m training export`: a run -> a bundle.

a person -> [export] -> training.export.bundle
"""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import tell_bundle, told
from training.export.bundle import export_run
from training.run import Run


def export(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/mnist.")],
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (models/<name of the run>)")] = None,
    average: Annotated[int, typer.Option(min=0, help="Which average, by its place in half_life_shares.")] = 0,
) -> None:
    """Make a bundle of a run's last checkpoint, finished or not."""
    with told():
        tell_bundle(export_run(Run(run), out or Path("models") / run.name, average))
