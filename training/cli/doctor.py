"""`python -m training doctor`: how a run does, in words, and its report.

a person -> [doctor] -> watching
"""

from pathlib import Path
from typing import Annotated

import rich
import typer
from rich.markup import escape

from training.cli.console import tell_plainly, told
from training.monitoring.doctor import Diagnosis, diagnose
from training.monitoring.report import duration, write_report
from training.run import Run, RunBusy


def doctor(run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/mnist.")]) -> None:
    """Say whether a run is learning, collapsing or starved, what to change, and how long it still takes."""
    with told():
        folder = Run(run)
        settings = folder.settings()
        _tell(run.name, diagnose(folder.lines(), settings), settings.images_shown)
        try:
            with folder.alone():
                tell_plainly(f"report: {write_report(folder)}")
        except RunBusy:
            tell_plainly(f"report: {run / 'report.html'}, kept up to date by the process that trains")


def _tell(name: str, diagnosis: Diagnosis, planned_images: int) -> None:
    colour = "green" if diagnosis.healthy else "yellow" if diagnosis.warning else "red"
    rich.print(f"[bold]{escape(name)}[/bold]: [bold {colour}]{diagnosis.verdict}[/bold {colour}]")
    tell_plainly(diagnosis.explanation)
    for advice in diagnosis.advice:
        tell_plainly(f"  -> {advice}")
    for words in diagnosis.notes:
        tell_plainly(f"  ({words})")
    left = "finished" if diagnosis.finished else f"{duration(diagnosis.seconds_left)} of training left"
    tell_plainly(f"{diagnosis.images_shown:,} of {planned_images:,} images shown, {left}")
