"""`python -m training fit | export`: the command line of this room.

    fit: presets, data -> loop -> export         export: a run -> a bundle

Parses, reports and hands over; decides nothing that is not an option.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import rich
import typer
from rich.table import Table

from models.bundle import Bundle
from models.errors import ModelError
from training.export import ExportDiffers, export_run
from training.loop import CHECKPOINT_SECONDS, Diverged, train
from training.machine import device_named, resolve_precision
from training.networks import Discriminator, Generator, Geometry
from training.pictures.data import Pictures, open_pictures
from training.pictures.decode import Skipped
from training.pictures.shape import Shape
from training.presets import PRESETS, Settings, preset_named
from training.progress import Progress
from training.run import RUNS, Run

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
_EXPECTED = (ValueError, FileNotFoundError, Diverged, ExportDiffers, ModelError)


@app.command()
def fit(
    pictures: Annotated[str, typer.Argument(help="Folder or zip of pictures, idx or parquet files, or `digits`.")],
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  [models/<name of the pictures>]")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder.  [runs/<name of the bundle>]")] = None,
    preset: Annotated[str | None, typer.Option(help=f"{', '.join(PRESETS)}.  [by the size of the pictures]")] = None,
    size: Annotated[str | None, typer.Option(metavar="H[xW]", help="Pixels to crop and resize to.")] = None,
    channels: Annotated[int | None, typer.Option(min=1, max=3, help="1 grey, 3 colour.  [as the pictures]")] = None,
    kimg: Annotated[float | None, typer.Option(help="Thousand images to show; schedules stretch to it.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures in one step.")] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the generator's finest stage.")] = None,
    gamma: Annotated[float | None, typer.Option(help="R1 and R2 at the start; a tenth at the end.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At the start; a tenth at the end.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of weights, codes and order.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.  [all cores]")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Time between checkpoints.")] = CHECKPOINT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and stop.")] = False,
) -> None:
    """Train a generator on PICTURES and write it as a bundle. Interrupted, the same command goes on."""
    with _told():
        where = device_named(device, threads)
        found = open_pictures(pictures, Shape(_parse_size(size), channels))
        settings = resolve_precision(
            preset_named(preset or _preset_for(found)).but(
                images_shown=None if kimg is None else round(kimg * 1000),
                batch=batch,
                width=width,
                gamma=None if gamma is None else (gamma, gamma / 10),
                learning_rate=None if learning_rate is None else (learning_rate, learning_rate / 10),
                precision=precision,
                seed=seed,
            ),
            where,
        )
        out = out or Path("models") / _model_name(found.name)
        folder = Run(run or RUNS / out.name)
        _report(found, settings, str(where), folder, out)
        if dry_run:
            return
        folder.begin(settings, found)
        with folder.alone(), Progress(settings.images_shown) as progress:
            train(folder, settings, found.images, where, checkpoint_seconds, progress.show)
        _tell_bundle(export_run(folder, out))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/mnist.")],
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  [models/<name of the run>]")] = None,
) -> None:
    """Make a bundle of a run's last checkpoint, finished or not."""
    with _told():
        _tell_bundle(export_run(Run(run), out or Path("models") / run.name))


@contextmanager
def _told() -> Iterator[None]:
    """Turn errors that a person can act on into one message and exit code 1 (130 when interrupted)."""
    try:
        yield
    except KeyboardInterrupt:
        rich.print("Stopped, and saved. The same command goes on from here.")
        raise typer.Exit(130) from None
    except _EXPECTED as error:
        rich.get_console().print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _parse_size(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    if not (match := re.fullmatch(r"(\d+)(?:x(\d+))?", size)):
        raise ValueError(f"size is {size!r}; it must be like 64 or 48x80 (height x width)")
    return int(match[1]), int(match[2] or match[1])


def _preset_for(pictures: Pictures) -> str:
    """By resolution: `base` is for a GPU and never chosen silently."""
    return "tiny" if max(pictures.images.shape[1:3]) <= 16 else "small"


def _model_name(data_name: str) -> str:
    stem = data_name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-_") or "model"


def _report(pictures: Pictures, settings: Settings, device: str, run: Run, out: Path) -> None:
    count, height, width, channels = pictures.images.shape
    geometry = Geometry(height, width, channels, settings.patch_pixels)
    table = Table(
        title=f"{count:,} pictures of {height} x {width} x {channels} from {pictures.name}", show_header=False
    )
    for name, value in asdict(settings).items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    for network in (Generator(settings, geometry), Discriminator(settings, geometry)):
        parameters = sum(parameter.numel() for parameter in network.parameters())
        table.add_row(f"{type(network).__name__.lower()} parameters", f"{parameters:,}")
    table.add_row("device", device)
    table.add_row("run", f"{run.path} ({'goes on' if run.checkpoint.exists() else 'new'})")
    table.add_row("bundle", str(out))
    rich.print(table)
    _report_skipped(pictures.skipped)


def _report_skipped(skipped: tuple[Skipped, ...], most: int = 20) -> None:
    for one in skipped[:most]:
        rich.get_console().print(f"skipped {one.name}: {one.reason}", markup=False, highlight=False, soft_wrap=True)
    if len(skipped) > most:
        rich.print(f"... and {len(skipped) - most} more")


def _tell_bundle(bundle: Bundle) -> None:
    rich.print(f"wrote {bundle.path}, version {bundle.card.version}; look at {bundle.path / 'samples.png'}")


if __name__ == "__main__":
    app()
