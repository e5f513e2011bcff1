"""`zoetrope profile`: how fast this machine trains on pictures, or how fast each engine draws a model.

a person -> [profile] -> profiling.train_step, .timing   pictures: a training step, eager and compiled
                      -> profiling.engines                   a model's folder: every engine next to torch
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import SizeOption, ThreadsOption

if TYPE_CHECKING:
    from training.config import Settings
    from training.profiling.engines import EngineTiming
    from training.profiling.timing import DeviceLimits
    from training.profiling.train_step import Kernel

_BATCHES = [1, 8, 64, 256, 1024]
_STEP_SECONDS, _ENGINE_SECONDS = 2.0, 0.3


def profile(
    subject: Annotated[
        str, typer.Argument(help="Pictures: time a training step. A model's folder: time the engines that draw it.")
    ],
    batch: Annotated[
        list[int] | None, typer.Option(min=1, help="Pictures of one step or call; of engines, may be repeated.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Of pictures, as of fit.  (by their size)")] = None,
    size: SizeOption = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels of the generator.  (the preset's)")] = None,
    precision: Annotated[str | None, typer.Option(help="Of a step: auto, float32 or bfloat16.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: ThreadsOption = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed, in turns.")] = 5,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Of one turn.  (2 for a step, 0.3 for an engine)")
    ] = None,
) -> None:
    """Time training on pictures, or drawing with a model's engines, in turns; compiling comes first."""
    with errors_as_messages():
        if (Path(subject) / "card.json").is_file():
            given = {"--preset": preset, "--size": size, "--width": width, "--precision": precision}
            if refused := [name for name, value in given.items() if value is not None]:
                raise ValueError(f"{', '.join(refused)} is for pictures; found a model, {subject}")
            window_s = _ENGINE_SECONDS if seconds is None else seconds
            _profile_engines(Path(subject), batch or _BATCHES, device, threads, rounds, window_s)
            return
        if batch and len(batch) > 1:
            raise ValueError("--batch is given more than once; a training step has one, an engine may have several")
        changes = {"batch": batch[0] if batch else None, "width": width, "precision": precision}
        window_s = _STEP_SECONDS if seconds is None else seconds
        _profile_step(subject, preset, size, changes, device, threads, rounds, window_s)


def _profile_step(
    source: str,
    preset: str | None,
    size: str | None,
    changes: dict[str, Any],
    device_name: str,
    threads: int | None,
    rounds: int,
    window_s: float,
) -> None:
    from training.options import FitOptions
    from training.plan import check_fit

    shape = check_fit(source, FitOptions(preset=preset, size=size))

    import torch

    from training.defaults import default_settings
    from training.device import ComputeContext, describe_device
    from training.device_selection import select_device
    from training.inputs import open_with_progress
    from training.plan import resolve_settings
    from training.profiling.timing import measure_limits, time_in_turns
    from training.profiling.train_step import flop_of, kernels_of, steps_of

    device = select_device(device_name, threads)
    found = open_with_progress(source, shape)
    settings = default_settings(found, preset).with_changes(**changes)
    settings = resolve_settings(settings, found, ComputeContext(device))
    limits = measure_limits(device, settings.precision)
    steps = steps_of(settings, found, device)
    flop = flop_of(steps["eager"])
    taken = time_in_turns(steps, device, rounds, window_s)
    print_plain(f"{found.name}, preset {settings.preset}, batch {settings.batch}, {settings.precision}")
    print_plain(f"{describe_device(device)}, torch {torch.__version__}; medians of {rounds} turns\n")
    print_plain(_step_table(settings, taken, flop, limits))
    faster = median(eager / compiled for eager, compiled in zip(taken["eager"], taken["compiled"], strict=True))
    print_plain(f"compiled / eager: {faster:.2f}\n")
    for name, step in steps.items():
        print_plain(_kernels(name, *kernels_of(step, device)))


def _profile_engines(
    path: Path, batches: Sequence[int], device_name: str, threads: int | None, rounds: int, window_s: float
) -> None:
    from training.device import describe_device
    from training.device_selection import select_device
    from training.feedback.pretrained import Pretrained
    from training.profiling.engines import serving_engines, time_engines, torch_variants

    device, model = select_device(device_name, threads), Pretrained.open(path)
    card = model.bundle.card
    print_plain(f"{card.name} {card.version} on {describe_device(device)}; medians of {rounds} turns")
    candidates = [*serving_engines(model, device, print_plain), *torch_variants(model, device)]
    print_plain(f"\n{_engine_table(list(time_engines(candidates, model, batches, device, rounds, window_s)))}")


def _step_table(settings: "Settings", taken: dict[str, list[float]], flop: int, limits: "DeviceLimits") -> str:
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
        f"{_markdown(headings, lines)}\nThe device: {best}; {copied}. "
        f"A step: {flop / settings.batch / 1e9:.3g} GFLOP a picture, real pictures counted."
    )


def _engine_table(timings: "Sequence[EngineTiming]") -> str:
    from training.profiling.engines import ADDRESSES_TO_BYTES, CODES_TO_BYTES, DEVICE_ONLY

    ways = [DEVICE_ONLY, CODES_TO_BYTES, ADDRESSES_TO_BYTES]
    lines = [
        [
            timing.name,
            f"{timing.batch:,}",
            *(f"{timing.images_per_s[way]:,.0f}" if way in timing.images_per_s else "" for way in ways),
            f"{timing.worst_db:.1f}",
            f"{timing.median_db:.1f}",
        ]
        for timing in timings
    ]
    return _markdown(["images a second", "batch", *ways, "dB at worst", "dB in the middle"], lines)


def _kernels(name: str, kernels: "list[Kernel]", busy: float) -> str:
    lines = [f"  {kernel.share:6.1%}  {kernel.name[:100]}" for kernel in kernels]
    return "\n".join([f"{name}: kernels take {busy:.0%} of the time; the first {len(kernels)}:", *lines])


def _markdown(headings: list[str], lines: list[list[str]]) -> str:
    from training.comparison.table import Cell, as_markdown

    return as_markdown(headings, [[Cell(text) for text in line] for line in lines])
