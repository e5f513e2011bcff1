"""`zoetrope sample MODEL`: pictures into a file or a folder, without a server.

    zoetrope sample mnist --n 64 --seed 7 --out sheet.png
    zoetrope sample mnist --n 1000 --out digits --format png

    bundle -> latents -> [sample] -> encoders -> files

Engine, codes and encoders are those of the service, so a file holds the very
bytes that the HTTP API sends for the same address. A file or folder appears
whole or not at all. Knows no HTTP; needs neither BentoML nor torch.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from models.bundle import find_bundle, open_bundle
from models.class_weights import ClassWeights, PictureClasses, parse_weights
from models.command_line import OneLineParser
from models.engine_selection import select_engine
from models.errors import ModelError
from models.files import replacing, sync_folder
from models.runtime import Runtime
from service.encoders import encode_picture, encode_sheet, stream_of
from service.encoders.marks import RECIPE_FILE, Marks
from service.errors import Problem
from service.formats import Format
from service.latents import AddressRange, LatentSource, require_drawable, resolve_address
from service.schemas import LARGEST_SHEET_N, GenerateRequest, LabelRequest
from service.settings import read_settings
from service.validation import expectation

FORMAT_OF_SUFFIX = {
    ".png": Format.PNG,
    ".jpg": Format.JPEG,
    ".jpeg": Format.JPEG,
    ".webp": Format.WEBP,
    ".npy": Format.NPY,
    ".zip": Format.ZIP,
    ".json": Format.JSON,
}
SUFFIX_OF_FORMAT = {Format.PNG: ".png", Format.JPEG: ".jpg", Format.WEBP: ".webp"}
"""Formats of one picture: those that a folder can be filled with."""


def main(argv: Sequence[str]) -> int:
    """Run the command and return the exit status: 0, or 1 after one line on stderr that says what is wrong."""
    try:
        options = _parse(argv)
        if wrong := _mistakes(options):
            raise ValueError("; ".join(wrong))
        target, is_folder = _target(options.out, options.format)
        runtime = load_runtime(options.model)
        body = GenerateRequest(
            n=options.n,
            seed=options.seed,
            start=options.start,
            label=_label(options.label, options.classes, runtime),
            truncation=options.truncation,
        )
        source = resolve_address(body, runtime.card)
        require_drawable(source.classes, runtime)
        marks = Marks(source, runtime.engine) if read_settings().marks else None
        if is_folder:
            write_folder(options.out, runtime, source, target, marks)
        else:
            write_file(options.out, runtime, source, target, marks)
    except (ModelError, OSError, Problem, ValueError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    print(
        f"{options.out}: {source.n:,} of {source.model} {source.version}, seed {source.seed}, "
        f"from index {source.start}, drawn by {runtime.engine}"
    )
    return 0


def encode_answer(runtime: Runtime, n: int, format_name: str, seed: int | None = None) -> Iterator[bytes]:
    """Draw and encode n pictures as one response to POST /generate; chunk by chunk where the format is streamed.

    Args:
        n: 1 to 10,000; up to 1,024 for a format of one picture (a contact sheet).
        format_name: png, jpeg, webp, zip, npy or json.
        seed: 0 to 2^64 - 1; a fresh one for None.

    Raises:
        ValueError: n, the seed or the format is out of range.
    """
    source = resolve_address(GenerateRequest(n=n, seed=seed), runtime.card)
    return encode(runtime, source, Format(format_name), Marks(source, runtime.engine))


def encode(runtime: Runtime, source: AddressRange, chosen: Format, marks: Marks | None) -> Iterator[bytes]:
    """The pictures of an address range, drawn in batches and encoded as one file, with their marks.

    Raises:
        ValueError: more pictures than a contact sheet shows.
    """
    if chosen.is_one_picture:
        if source.n > LARGEST_SHEET_N:
            raise ValueError(
                f"found n {source.n:,}, expected at most {LARGEST_SHEET_N:,} on a contact sheet; "
                "write .zip or .npy, or a folder with --format png"
            )
        mark = b"" if marks is None else marks.of_file()
        yield encode_sheet(np.concatenate([*draw_batches(runtime, source)]), chosen, mark)
        return
    shape = runtime.card.image
    stream = stream_of(chosen, source, (shape.height, shape.width, shape.channels), marks)
    yield stream.begin()
    for images_NHWC in draw_batches(runtime, source):
        yield stream.add(images_NHWC)
    yield stream.end()


def load_runtime(model: str) -> Runtime:
    """A model with the engine that the service would choose, warm at its smallest and largest batch size.

    Args:
        model: the folder of a bundle, or a name in the folder of models (`ZOETROPE_MODELS`, by default ./models).

    Raises:
        BundleError: there is no such bundle, or it is damaged.
        EngineUnavailable: the engine of the settings is not available here.
    """
    settings = read_settings()
    bundle = open_bundle(find_bundle(model, settings.models))
    name = select_engine(bundle.card, settings.device, settings.pinned_library, settings.pinned_precision)
    return Runtime(bundle, name, settings.threads, warm_all=False)


def write_file(path: Path, runtime: Runtime, source: AddressRange, chosen: Format, marks: Marks | None) -> None:
    """Write one file, atomically; memory does not grow with n where the format is streamed."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        for piece in encode(runtime, source, chosen, marks):
            file.write(piece)


def write_folder(path: Path, runtime: Runtime, source: AddressRange, chosen: Format, marks: Marks | None) -> None:
    """Write a new folder with one file a picture, named by its index as in a zip, and the recipe; it appears when all
    are written.

    Raises:
        ValueError: the folder has files in it already.
    """
    if path.is_dir() and any(path.iterdir()):
        raise ValueError(f"found files in {path}, expected a new or empty folder; choose another one")
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        at = 0
        for images_NHWC in draw_batches(runtime, source):
            for image_HWC in images_NHWC:
                name = f"{source.start + at:06}{SUFFIX_OF_FORMAT[chosen]}"
                mark = b"" if marks is None else marks.of_picture(at)
                (temporary / name).write_bytes(encode_picture(image_HWC, chosen, mark))
                at += 1
        if marks is not None:
            (temporary / RECIPE_FILE).write_bytes(marks.recipe_file())
        os.sync()  # once for all files: a flush of each would take minutes for ten thousand
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def draw_batches(runtime: Runtime, source: LatentSource) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a source, in chunks of the engine's largest batch."""
    largest = runtime.batch_sizes[-1]
    for at in range(0, source.n, largest):
        yield runtime.draw(*source.codes(runtime, at, min(largest, source.n - at)))


def _mistakes(options: argparse.Namespace) -> list[str]:
    """All that is wrong with options that can be checked each by itself, and not only what is wrong first."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: find_bundle(options.model, read_settings().models),
        lambda: _target(options.out, options.format),
        lambda: GenerateRequest(n=options.n, seed=options.seed, start=options.start, truncation=options.truncation),
    )
    wrong = []
    for check in checks:
        try:
            check()
        except (ModelError, ValueError) as error:
            wrong.append(one_line(error).rstrip("."))
    return wrong


def _target(out: Path, format_name: str | None) -> tuple[Format, bool]:
    """The format to write, and whether into a folder.

    Raises:
        ValueError: the suffix and the format do not say what to write; names what is allowed.
    """
    chosen = FORMAT_OF_SUFFIX.get(out.suffix.lower())
    given = None if format_name is None else Format(format_name)
    if chosen is not None and not out.is_dir():
        if not out.parent.is_dir():
            raise ValueError(f"found --out {out}, but no folder {out.parent}; make it first")
        if given not in (None, chosen):
            raise ValueError(f"found --out {out} with --format {given}, expected one format")
        return chosen, False
    if given is None:
        suffixes = ", ".join(FORMAT_OF_SUFFIX)
        raise ValueError(f"found --out {out}, expected a file that ends in {suffixes}, or a folder with --format png")
    if given not in SUFFIX_OF_FORMAT:
        allowed = ", ".join(SUFFIX_OF_FORMAT)
        raise ValueError(f"found --format {given} for the folder {out}, expected one of {allowed}")
    return given, True


def _label(label: str | None, classes: str | None, runtime: Runtime) -> LabelRequest | None:
    """A class by name, or by number where no class has that name; or weights of several, spelled as in a URL.

    Raises:
        ValueError: both are given, or the model has no such classes.
    """
    if classes is None:
        is_number = label is not None and label.isdecimal() and label not in runtime.class_names
        return int(label) if label is not None and is_number else label
    if label is not None:
        raise ValueError(f"found --label {label} with --classes {classes}, expected one of them")
    if not runtime.class_names:
        raise ValueError(f"found --classes {classes}, but {runtime.card.name} has no classes; leave it out")
    found = parse_weights(classes)
    PictureClasses.of(found, 1, len(runtime.class_names))  # refuses numbers of no class
    return found.named(runtime.class_names) if isinstance(found, ClassWeights) else found


def one_line(error: Exception) -> str:
    """What is wrong, in one line for a terminal."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"found {'.'.join(map(str, one['loc']))} {one['input']}, expected: {expectation(one)}"
            for one in error.errors(include_url=False)
        )
    if isinstance(error, OSError) and error.filename is not None and error.strerror is not None:
        return f"{error.filename}: {error.strerror.lower()}"
    return " ".join(str(error).split())


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="zoetrope sample",
        description="Draw pictures into a file or a folder, without a server. The same address gives the same bytes "
        "as POST /generate.",
    )
    suffixes = ", ".join(FORMAT_OF_SUFFIX)
    parser.add_argument("model", metavar="MODEL", help="folder of a bundle, or a name in ZOETROPE_MODELS (./models)")
    parser.add_argument("--n", type=int, default=64, help="how many pictures (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="0 to 2^64 - 1 (default: a fresh one, which is printed)")
    parser.add_argument("--start", type=int, default=0, help="index of the first picture (default: %(default)s)")
    parser.add_argument("--label", help="class to draw, by name or number (default: as often as in training)")
    parser.add_argument("--classes", help="weights of several classes by number in place of --label: 3:500,8:500")
    parser.add_argument("--truncation", type=float, default=1.0, help="0 to 2 (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help=f"file that ends in {suffixes}, or a folder")
    parser.add_argument(
        "--format", choices=[one.value for one in Format], help="format of the files in a folder: png, jpeg or webp"
    )
    return parser.parse_args(argv)
