"""`zoetrope export`: a run -> a bundle.

a person -> [export] -> api -> export.bundle
"""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import errors_as_messages, print_bundle
from training.cli.options import REPLACE_HELP
from training.cli.show_plan import may_replace


def export(
    run: Annotated[Path, typer.Argument(help="A run's folder, in runs/: `fit --out models/NAME` makes runs/NAME.")],
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (models/<name of the run>)")] = None,
    average: Annotated[
        int | None,
        typer.Option(min=0, help="Which EMA, by its place in half_life_shares.  (what was chosen at the end)"),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help=REPLACE_HELP)] = False,
) -> None:
    """Make a bundle of a run's last checkpoint, finished or not."""
    with errors_as_messages():
        from training import api
        from training.replacement import WouldReplace

        try:
            bundle = api.export(run, out, average, replace=replace)
        except WouldReplace as asked:
            if not may_replace(str(asked)):
                raise
            bundle = api.export(run, out, average, replace=True)
        print_bundle(bundle)
