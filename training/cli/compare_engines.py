"""`python -m training race`: the engines that serve a model beside torch with the same network, on one device.

a person -> [race] -> speed.drawing -> a table
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import tell_plainly, told
from training.cli.profile import device_name
from training.comparison.columns import Cell, as_markdown
from training.device import select_device
from training.feedback.pretrained import Pretrained
from training.profiling.engines import ALONE, BY_ADDRESS, WITH_COPIES, Lap, engines_of, laps_of, torch_of

_BATCHES = [1, 8, 64, 256, 1024]


def race(
    model: Annotated[Path, typer.Argument(help="A model's folder, such as models/mnist.")],
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Pictures of one call; again for more sizes.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.  (all cores)")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each has its turn.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.0, help="Of one turn.")] = 0.3,
) -> None:
    """Draw a MODEL by every engine of a device and by torch, in turns; compiling for torch takes a minute."""
    with told():
        where, parent = select_device(device, threads), Pretrained.open(model)
        card = parent.bundle.card
        tell_plainly(f"{card.name} {card.version} on {device_name(where)}; medians of {rounds} turns")
        racers = [*engines_of(parent, where, tell_plainly), *torch_of(parent, where)]
        laps = list(laps_of(racers, parent, batch or _BATCHES, where, rounds, seconds))
        tell_plainly(f"\n{_table(laps)}")


def _table(laps: Sequence[Lap]) -> str:
    headings = ["images a second", "batch", ALONE, WITH_COPIES, BY_ADDRESS, "dB at worst", "dB in the middle"]
    lines = [
        [
            lap.name,
            f"{lap.batch:,}",
            *(f"{lap.images_per_s[way]:,.0f}" if way in lap.images_per_s else "" for way in headings[2:5]),
            f"{lap.worst_db:.1f}",
            f"{lap.median_db:.1f}",
        ]
        for lap in laps
    ]
    return as_markdown(headings, [[Cell(text) for text in line] for line in lines])
