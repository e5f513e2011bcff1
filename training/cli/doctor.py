"""`zoetrope doctor`: what a run's log says of its health, in sentences, and its report.

a person -> [doctor] -> monitoring
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import rich
import typer
from rich.markup import escape

from training.cli.console import errors_as_messages, print_plain

if TYPE_CHECKING:
    from training.monitoring.doctor import Diagnosis


def doctor(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its name: `fit --out models/NAME` makes runs/NAME.")],
) -> None:
    """Say whether a run is learning, collapsing or starved, what to change, and how long it still takes."""
    with errors_as_messages():
        from training.changes import history
        from training.monitoring.doctor import diagnose
        from training.monitoring.report import REPORT, write_report
        from training.run import Run, RunBusy, find_run

        run = find_run(run)
        folder = Run(run)
        settings = folder.settings()
        _print(run.name, diagnose(folder.lines(), settings), settings.images_shown)
        _print_list("What happened to it:", history(folder.config()))
        try:
            with folder.lock():
                print_plain(f"Its report is {write_report(folder)}.")
        except RunBusy:
            print_plain(f"Its report is {run / REPORT}, which the process that trains keeps up to date.")


def _print(name: str, diagnosis: "Diagnosis", planned_images: int) -> None:
    colour = "green" if diagnosis.healthy else "yellow" if diagnosis.warning else "red"
    rich.print(f"[bold]{escape(name)}[/bold]: [bold {colour}]{diagnosis.verdict}[/bold {colour}]")
    print_plain(diagnosis.explanation)
    print_plain(_how_far(diagnosis, planned_images))
    _print_list("What to change, the likeliest first:", diagnosis.advice)
    _print_list("Keep in mind:", diagnosis.notes)


def _how_far(diagnosis: "Diagnosis", planned_images: int) -> str:
    from training.budget import in_words

    words = f"It has been shown {diagnosis.images_shown:,} of {planned_images:,} images"
    if diagnosis.finished:
        return f"{words}, and has finished."
    if diagnosis.seconds_left is None:
        return f"{words}. How long the rest takes is not known yet."
    return f"{words}. The rest takes {in_words(diagnosis.seconds_left)} of training."


def _print_list(heading: str, lines: Sequence[str]) -> None:
    for line in (heading, *(f"  - {line}" for line in lines)) if lines else ():
        print_plain(line)
