"""`zoetrope doctor`: what a run's log says of its health, and its report.

a person -> [doctor] -> monitoring
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import rich
import typer
from rich.markup import escape

from training.cli.console import errors_as_messages, print_plain

if TYPE_CHECKING:
    from training.monitoring.doctor import Diagnosis


def doctor(
    run: Annotated[Path, typer.Argument(help="A run's folder, in runs/: `fit --out models/NAME` makes runs/NAME.")],
) -> None:
    """Say whether a run is learning, collapsing or starved, what to change, and how long it still takes."""
    with errors_as_messages():
        from training.changes import history
        from training.monitoring.doctor import diagnose
        from training.monitoring.report import write_report
        from training.run import Run, RunBusy

        folder = Run(run)
        settings = folder.settings()
        _print(run.name, diagnose(folder.lines(), settings), settings.images_shown)
        for line in history(folder.config()):
            print_plain(f"  * {line}")
        try:
            with folder.lock():
                print_plain(f"report: {write_report(folder)}")
        except RunBusy:
            print_plain(f"report: {run / 'report.html'}, kept up to date by the process that trains")


def _print(name: str, diagnosis: "Diagnosis", planned_images: int) -> None:
    from training.budget import duration

    colour = "green" if diagnosis.healthy else "yellow" if diagnosis.warning else "red"
    rich.print(f"[bold]{escape(name)}[/bold]: [bold {colour}]{diagnosis.verdict}[/bold {colour}]")
    print_plain(diagnosis.explanation)
    for advice in diagnosis.advice:
        print_plain(f"  -> {advice}")
    for note in diagnosis.notes:
        print_plain(f"  ({note})")
    left = "finished" if diagnosis.finished else f"{duration(diagnosis.seconds_left)} of training left"
    print_plain(f"{diagnosis.images_shown:,} of {planned_images:,} images shown, {left}")
