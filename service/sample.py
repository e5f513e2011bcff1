"""`zoetrope sample MODEL`: pictures into a file or a folder, without a server.

    zoetrope sample mnist --n 64 --seed 7 --out sheet.png
    zoetrope sample mnist --n 1000 --out digits --format png
    zoetrope sample mnist --n 1_000_000 --seed 7 --out data
    zoetrope sample mnist --n 1_000_000 --seed 7 --out s3://bucket/data

    bundle -> latents -> [sample] -> encoders -> files
                            `-> bulk -> a data set

Engine, codes and encoders are those of the service, so a file holds the very
bytes that the HTTP API sends for the same address. A file or folder appears
whole or not at all; a data set, which may be larger than memory and take hours,
shard by shard (`bulk`). Knows no HTTP; needs neither BentoML nor torch.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from models.bundle import find_bundle, open_bundle
from models.class_weights import ClassWeights, PictureClasses, parse_weights
from models.engine_selection import select_engine
from models.errors import ModelError
from models.files import replacing, sync_folder
from models.runtime import Runtime
from service.bulk.cluster import check_address, connected
from service.bulk.cluster_run import draws_on
from service.bulk.command import OpenEvaluator, draw_data_set
from service.bulk.job import Kind
from service.bulk.remote_store import RemoteFolder, require_package
from service.bulk.run import DrawRest, draw_rest
from service.encoders import encode_picture, encode_sheet, stream_of
from service.encoders.marks import RECIPE_FILE, Marks
from service.errors import Problem
from service.formats import Format
from service.latents import AddressRange, draw_batches, label_numbers, require_drawable, resolve_address
from service.sample_options import (
    SUFFIX_OF_FORMAT,
    check_data_set_options,
    data_set_kind,
    file_target,
    makes_files,
    parse_options,
)
from service.schemas import LARGEST_N, LARGEST_SHEET_N, GenerateRequest, LabelRequest
from service.settings import read_settings
from service.validation import expectation


def main(argv: Sequence[str], open_evaluator: OpenEvaluator | None = None) -> int:
    """Run the command and return the exit status: 0, or 1 after one line on stderr that says what is wrong.

    Args:
        argv: without the name of the command.
        open_evaluator: the evaluator that a card names, for `--filter`.
    """
    try:
        options = parse_options(argv)
        if wrong := _mistakes(options):
            raise ValueError("; ".join(wrong))
        kind = data_set_kind(options)
        said = _write_files(options) if kind is None else _write_data_set(options, kind, open_evaluator)
    except (ModelError, OSError, Problem, ValueError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    print(said)
    return 0


def _write_files(options: argparse.Namespace) -> str:
    """One file, or a folder of files that appears whole."""
    target, is_folder = file_target(options.out, options.format)
    runtime = load_runtime(options.model)
    body = _request(options, runtime, options.n)
    if options.balance:
        body = body.model_copy(update={"label": _balanced(options, runtime)})
    source = resolve_address(body, runtime.card)
    require_drawable(source.classes, runtime)
    marks = Marks(source, runtime.engine) if _are_marked(options) else None
    if is_folder:
        write_folder(options.out, runtime, source, target, marks)
    else:
        write_file(options.out, runtime, source, target, marks)
    return (
        f"{options.out}: {source.n:,} of {source.model} {source.version}, seed {source.seed}, "
        f"from index {source.start}, drawn by {runtime.engine}"
    )


def _write_data_set(options: argparse.Namespace, kind: Kind, open_evaluator: OpenEvaluator | None) -> str:
    """A data set, or what is left of it."""
    if isinstance(options.out, RemoteFolder):
        require_package(options.out)  # before seconds are spent on the model
    settings = read_settings()
    with ExitStack() as stack:
        cluster = None if options.ray is None else stack.enter_context(connected(options.ray))
        runtime = load_runtime(options.model)
        label = label_numbers(_request(options, runtime, 1).label, runtime.card)
        if not (label is None or isinstance(label, int)):
            raise ValueError("found --classes for a data set, whose pictures have one class each; leave it out")
        draw: DrawRest = partial(draw_rest, threads=settings.encoder_threads)
        if cluster is not None:
            model = find_bundle(options.model, settings.models)
            draw = draws_on(cluster, settings, model, load_runtime, open_evaluator, _say)
        return draw_data_set(
            options,
            kind,
            runtime,
            label,
            _are_marked(options),
            settings.encoder_threads,
            draw,
            open_evaluator,
            _say,
        )


def _say(line: str) -> None:
    over_the_bar = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{over_the_bar}{line}", file=sys.stderr)


def _request(options: argparse.Namespace, runtime: Runtime, n: int) -> GenerateRequest:
    return GenerateRequest(
        n=n,
        seed=options.seed,
        start=options.start,
        label=_label(options.label, options.classes, runtime),
        truncation=options.truncation,
    )


def _balanced(options: argparse.Namespace, runtime: Runtime) -> list[int]:
    """The class of index i is i mod K."""
    count = len(runtime.class_names)
    if not count:
        raise ValueError(f"found --balance, but {runtime.card.name} has no classes; leave it out")
    if options.label is not None or options.classes is not None:
        raise ValueError("found --balance with --label or --classes, expected one of them")
    return [index % count for index in range(options.start, options.start + options.n)]


def _are_marked(options: argparse.Namespace) -> bool:
    return read_settings().marks and not options.no_marks


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


def _mistakes(options: argparse.Namespace) -> list[str]:
    """All that is wrong with options that can be checked each by itself, and not only what is wrong first."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: find_bundle(options.model, read_settings().models),
        lambda: data_set_kind(options) or file_target(options.out, options.format),
        lambda: check_data_set_options(options),
        lambda: check_address(options.ray),
        lambda: GenerateRequest(
            n=options.n if makes_files(options) else min(options.n, LARGEST_N),
            seed=options.seed,
            start=options.start,
            truncation=options.truncation,
        ),
    )
    wrong = []
    for check in checks:
        try:
            check()
        except (ModelError, ValueError) as error:
            wrong.append(one_line(error).rstrip("."))
    return wrong


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
