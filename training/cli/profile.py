"""`python -m training speed`: a training step, eager and compiled, beside what the device can do at best.

a person -> [speed] -> speed.step, speed.limits -> a table
"""

from statistics import median
from typing import Annotated

import torch
import typer

from training.cli.console import tell_plainly, told
from training.cli.fit import preset_for, resolved
from training.cli.options import PicturesArgument, SizeOption, open_with_progress, shape_of
from training.comparison.columns import Cell, as_markdown
from training.config import Settings, preset_named
from training.device import ComputeContext, select_device
from training.profiling.limits import Limits, limits_of
from training.profiling.step import Kernel, flop_of, kernels_of, steps_of
from training.profiling.turns import seconds_of


def speed(
    pictures: PicturesArgument,
    preset: Annotated[str | None, typer.Option(help="As of fit.  (by the size of the pictures)")] = None,
    size: SizeOption = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures of one step.  (the preset's)")] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels of the generator.  (the preset's)")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.  (all cores)")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each has its turn.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.0, help="Of one turn.")] = 2.0,
) -> None:
    """Time a training step on PICTURES, eager and compiled in turns; compiling comes first, and takes a minute."""
    with told():
        where = select_device(device, threads)
        found = open_with_progress(pictures, shape_of(size, "crop", None))
        settings = preset_named(preset or preset_for(found)).with_changes(batch=batch, width=width, precision=precision)
        settings = resolved(settings, found, ComputeContext(where))
        limits = limits_of(where, settings.precision)
        steps = steps_of(settings, found, where)
        flop = flop_of(steps["eager"])
        taken = seconds_of(steps, where, rounds, seconds)
        tell_plainly(f"{found.name}, preset {settings.preset}, batch {settings.batch}, {settings.precision}")
        tell_plainly(f"{device_name(where)}, torch {torch.__version__}; medians of {rounds} turns\n")
        tell_plainly(_table(settings, taken, flop, limits))
        faster = median(eager / compiled for eager, compiled in zip(taken["eager"], taken["compiled"], strict=True))
        tell_plainly(f"compiled / eager: {faster:.2f}\n")
        for name, step in steps.items():
            tell_plainly(_kernels(name, *kernels_of(step, where)))


def _table(settings: Settings, taken: dict[str, list[float]], flop: int, limits: Limits) -> str:
    headings = ["", "images a second", "ms a step", "TFLOP a second", "of the device's products"]
    lines = []
    for name, seconds in taken.items():
        step_s = median(seconds)
        rate = flop / step_s
        figures = [f"{settings.batch / step_s:,.0f}", f"{1000 * step_s:.2f}", f"{rate / 1e12:.3g}"]
        lines.append([name, *figures, f"{rate / limits.matrix_flop_per_s:.1%}"])
    best = f"{limits.matrix_flop_per_s / 1e12:.3g} TFLOP a second in one large product"
    copied = f"{limits.copy_bytes_per_s / 1e9:,.0f} GB a second in one large copy, read and written"
    return (
        f"{as_markdown(headings, [[Cell(text) for text in line] for line in lines])}\nThe device: {best}; {copied}. "
        f"A step: {flop / settings.batch / 1e9:.3g} GFLOP a picture, real pictures counted."
    )


def _kernels(name: str, kernels: list[Kernel], busy: float) -> str:
    told = [f"  {kernel.share:6.1%}  {kernel.name[:100]}" for kernel in kernels]
    return "\n".join([f"{name}: kernels take {busy:.0%} of the time; the first {len(kernels)}:", *told])


def device_name(device: torch.device) -> str:
    """A device in words, for the head of a table."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} CPU threads"
