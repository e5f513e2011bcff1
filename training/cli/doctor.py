"""`python -m training doctor`: how a run does, in words, and its report.

a person -> [doctor] -> watching
"""

from pathlib import Path
from typing import Annotated

import rich
import typer
from rich.markup import escape

from training.cli.console import tell_plainly, told
from training.monitoring.doctor import Diagnosis, examine
from training.monitoring.report import in_words, write_report
from training.run import Run, RunBusy


def doctor(run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/mnist.")]) -> None:
    """Say whether a run is learning, collapsing or starved, what to change, and how long it still takes."""
    with told():
        folder = Run(run)
        settings = folder.settings()
        _tell(run.name, examine(folder.lines(), settings), settings.images_shown)
        try:
            with folder.alone():
                tell_plainly(f"report: {write_report(folder)}")
        except RunBusy:
            tell_plainly(f"report: {run / 'report.html'}, kept up to date by the process that trains")


def _tell(name: str, diagnosis: Diagnosis, planned_images: int) -> None:
    colour = "green" if diagnosis.well else "yellow" if diagnosis.mild else "red"
    rich.print(f"[bold]{escape(name)}[/bold]: [bold {colour}]{diagnosis.verdict}[/bold {colour}]")
    tell_plainly(diagnosis.words)
    for advice in diagnosis.advice:
        tell_plainly(f"  -> {advice}")
    for words in diagnosis.also:
        tell_plainly(f"  ({words})")
    left = "finished" if diagnosis.finished else f"{in_words(diagnosis.seconds_left)} of training left"
    tell_plainly(f"{diagnosis.images_shown:,} of {planned_images:,} images shown, {left}")
