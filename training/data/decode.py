"""Encoded files -> one uint8 array, in parallel and in their order.

    sources, parquet, shape -> [decode] -> splits, cache

Any mode (grey, palette, transparency, CMYK, 16 bits), EXIF rotation applied,
transparency laid on a background. A file that is not a whole picture, or too large
to be decoded, is named and skipped, with the reason; only where most are unreadable
does the run stop. Holds the decoded pixels and what `memory` allows, however many
files there are.
"""

import hashlib
import io
import itertools
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from importlib import import_module
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from models.cores import usable_cores
from models.sheet import as_picture
from training.data.depth import (
    DEEP_COLOUR,
    Colours,
    Extent,
    NeedsScale,
    extent_of,
    is_deep,
    is_deep_colour,
    opaque,
    scale_of,
    to_eight_bits,
)
from training.data.memory import ENCODED, PIXELS, decoding_bytes
from training.data.reading import rgb_of
from training.data.shape import Header, Shape, Target, decide_target
from training.data.sources import Arrays, Encoded, EncodedFile

DECODER = "2"
"""Raise it where the same file would give other pixels than before: what is in the cache is then decoded again."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "TGA")
"""Pillow's names, the most frequent first. Not all that Pillow knows: for EPS it runs another program on the file."""
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"})

Result = TypeVar("Result")

_EXIF_ORIENTATION, _TURNED_ON_ITS_SIDE = 0x0112, frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class Skipped:
    """A file that did not become a picture, and why."""

    name: str
    reason: str


def read_header(file: EncodedFile) -> Header:
    """Size and colour, without decoding."""
    with _open(file) as picture:
        return _header_of(picture)


def decode(file: EncodedFile, target: Target, colours: Colours = Colours()) -> NDArray[np.uint8]:
    """The pixels of a file in the target's shape, (H, W, C) uint8.

    Raises:
        ValueError: the target refuses the picture, or it takes too much memory; and whatever Pillow raises for a
            damaged picture.
        NeedsScale: the picture is deep, and the colours have no scale.
    """
    with _open(file) as picture:
        if refusal := target.refusal(_header_of(picture)):
            raise ValueError(refusal)
        if is_deep(picture.mode) and colours.scale is None:
            raise NeedsScale
        if is_deep_colour(picture):
            colours.seen.add(DEEP_COLOUR)
        # A JPEG can be decoded at a half, a quarter or an eighth: the smallest that has twice the pixels asked for.
        enough = 2 * max(target.height, target.width)
        with _loaded(picture, (enough, enough)):
            if is_deep(picture.mode) and colours.scale is not None:
                return target.shaped(to_eight_bits(ImageOps.exif_transpose(picture), colours.scale))
            ImageOps.exif_transpose(picture, in_place=True)
            return target.shaped(opaque(picture, colours.background))


def read_extent(file: EncodedFile) -> Extent | None:
    """The lowest and the highest level of a deep picture; None of any other."""
    with _open(file) as picture:
        if not is_deep(picture.mode):
            return None
        with _loaded(picture, picture.size):
            return extent_of(picture)


def attempt(job: Callable[[EncodedFile], Result], file: EncodedFile) -> Result | str:
    """The job's result, or the reason why there is none: what breaks one file must not break a run."""
    try:
        return job(file)
    except NeedsScale:
        raise
    except Exception as error:  # Pillow's decoders raise whatever their format's parser happens to raise
        return f"{str(error) or type(error).__name__}".split(" <")[0]


@contextmanager
def bombs_as_errors() -> Iterator[None]:
    """Pillow's warning of a picture too large to be honest becomes a reason to skip; its other warnings are noise."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def _open(file: EncodedFile) -> Iterator[Image.Image]:
    with ENCODED.hold(file.size):
        data = file.read()
        if not data:
            raise ValueError("empty file")
        formats = (*FORMATS, *_heif_format()) if _is_heic(data) else FORMATS
        try:
            picture = Image.open(io.BytesIO(data), formats=formats)
        except UnidentifiedImageError:
            if _is_heic(data) and not _heif_format():
                raise ValueError("a HEIC picture, which the package pillow-heif reads: install it") from None
            raise ValueError(f"not a picture in a format that is read: {', '.join(FORMATS)}") from None
        with picture:
            yield picture


@contextmanager
def _loaded(picture: Image.Image, enough: tuple[int, int]) -> Iterator[None]:
    """Decode a picture once there is room for it, in as few pixels as are enough where its format allows that."""
    full = picture.size
    picture.draft(picture.mode, enough)
    needed = decoding_bytes(picture, full)
    if needed > PIXELS.most_bytes:
        raise ValueError(
            f"{full[1]:,} x {full[0]:,} pixels (height x width) of {picture.format} take {needed / 1e6:,.0f} MB "
            f"to decode, expected at most {PIXELS.most_bytes / 1e6:,.0f} MB"
        )
    with PIXELS.hold(needed):
        picture.load()
        yield


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS


@cache
def _heif_format() -> tuple[str, ...]:
    """Pillow's name of the format, once a package that reads it was found."""
    try:
        heif = import_module("pillow_heif")
    except ImportError:
        return ()
    heif.register_heif_opener()
    return ("HEIF",)


def _header_of(picture: Image.Image) -> Header:
    width, height = picture.size
    # Not picture.getexif(): that of a PNG decodes it whole, in search of what a PNG may have at its end.
    turned = Image.Image.getexif(picture).get(_EXIF_ORIENTATION) in _TURNED_ON_ITS_SIDE
    if turned and picture.format != "TIFF":  # whose size Pillow gives upright
        width, height = height, width
    return Header(height, width, picture.mode in GREY_MODES)


Progress = Callable[[int, int], None]
"""Called with the files read so far and the files to read; a source of unknown shape is read twice."""

FILES_A_BATCH = 16
"""What one thread takes at a time: enough that handing over costs nothing."""
_BATCHES_IN_FLIGHT = 4
_MOST_HELD_BYTES = 128_000_000
"""Of files that lie in memory while they wait for a thread, as those of parquet do."""


@dataclass(frozen=True)
class Decoded:
    """Pictures of one shape, with all that is known of them."""

    images: NDArray[np.uint8]
    """(N, H, W, C) uint8."""
    labels: NDArray[np.int64] | None = None
    """(N,) places in `classes`."""
    classes: tuple[str, ...] | None = None
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences for a person; the first says how the pictures got their shape."""

    @cached_property
    def pixels_sha256(self) -> "hashlib._Hash":
        """Over shape and pixels."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        return digest


def read_files(source: Encoded, shape: Shape, progress: Progress, background: str = "white") -> Decoded:
    """Decode all files of a source, in parallel.

    Args:
        background: what transparency is laid on, as `Reading` has it.

    Raises:
        ValueError: there are no files, or most of them are not pictures.
    """
    needs_headers = shape.size is None or shape.channels is None
    steps, done = source.count * (2 if needs_headers else 1), 0
    with bombs_as_errors():
        headers = []
        for _, header in _in_order(read_header, source.files()) if needs_headers else ():
            headers += [header] if isinstance(header, Header) else []
            progress(done := done + 1, steps)
        target, note = decide_target(shape, headers)
        colours = Colours(rgb_of(background))
        count = itertools.count(done + 1)
        try:
            decoded = _decode_all(source, target, colours, lambda: progress(min(next(count), steps), steps))
        except NeedsScale:
            scale, told = scale_of(_extents(source))
            colours = replace(colours, scale=scale, seen={told})
            decoded = _decode_all(source, target, colours, lambda: progress(steps, steps))
    return replace(decoded, notes=(note, *source.notes, *decoded.notes, *sorted(colours.seen)))


def _decode_all(source: Encoded, target: Target, colours: Colours, step: Callable[[], None]) -> Decoded:
    images = np.empty((source.count, target.height, target.width, target.channels), np.uint8)
    names: list[str | None] = []
    skipped: list[Skipped] = []
    for file, pixels in _in_order(partial(decode, target=target, colours=colours), source.files()):
        if isinstance(pixels, str):
            skipped.append(Skipped(file.name, pixels))
        else:
            images[len(names)] = pixels
            names.append(file.class_name)
        step()
    _refuse_if_mostly_unreadable(len(names), skipped)
    labels, classes, why_not = _labels(names, source.classes)
    return Decoded(images[: len(names)], labels, classes, tuple(skipped), why_not)


def _extents(source: Encoded) -> Iterator[Extent]:
    """Of the deep pictures of every part."""
    for files in (source.files(), source.others()):
        yield from (found for _, found in _in_order(read_extent, files) if isinstance(found, Extent))


def read_arrays(source: Arrays, shape: Shape) -> Decoded:
    """The same for pictures that need no decoding; those that have the shape already are left as they are."""
    _, height, width, channels = source.images.shape
    header = Header(height, width, grey=channels == 1)
    target, note = decide_target(shape, [header])
    if refusal := target.refusal(header):
        raise ValueError(f"the pictures are {refusal}")
    images = source.images
    if (target.height, target.width, target.channels) != images.shape[1:]:
        images = np.stack([target.shaped(as_picture(pixels)) for pixels in images])
    return Decoded(images, source.labels, source.classes, (), (note, *source.notes))


def _in_order(
    job: Callable[[EncodedFile], Result], files: Iterable[EncodedFile]
) -> Iterator[tuple[EncodedFile, Result | str]]:
    """Every file with the job's result or the reason why there is none; a few batches are in flight, no more."""

    def work(batch: list[EncodedFile]) -> list[tuple[EncodedFile, Result | str]]:
        return [(file, attempt(job, file)) for file in batch]

    waiting: deque[tuple[int, Future[list[tuple[EncodedFile, Result | str]]]]] = deque()
    with ThreadPoolExecutor(cores := usable_cores()) as pool:
        for batch in _batches(files):
            held = sum(file.size for file in batch if file.is_held)
            while waiting and sum(size for size, _ in waiting) + held > _MOST_HELD_BYTES:
                yield from waiting.popleft()[1].result()
            waiting.append((held, pool.submit(work, batch)))
            if len(waiting) > cores * _BATCHES_IN_FLIGHT:
                yield from waiting.popleft()[1].result()
        while waiting:
            yield from waiting.popleft()[1].result()


def _batches(files: Iterable[EncodedFile]) -> Iterator[list[EncodedFile]]:
    """As many files as a thread takes at a time; fewer of those that are held in memory and are large."""
    batch: list[EncodedFile] = []
    held = 0
    for file in files:
        batch.append(file)
        held += file.size if file.is_held else 0
        if len(batch) == FILES_A_BATCH or held > _MOST_HELD_BYTES // 8:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _refuse_if_mostly_unreadable(readable: int, skipped: list[Skipped]) -> None:
    if readable > len(skipped):
        return
    expected = "Expected a folder or zip where most files are pictures."
    if not skipped:
        raise ValueError(f"found no file in it. {expected}")
    reasons = "; ".join(f"{one.name}: {one.reason}" for one in skipped[:5])
    raise ValueError(
        f"{len(skipped)} of {readable + len(skipped)} files are not readable pictures ({reasons}). {expected}"
    )


def _labels(
    names: list[str | None], classes: tuple[str, ...] | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...] | None, tuple[str, ...]]:
    """Labels and classes of the pictures that were read; neither, and a note, where some belong to no class."""
    if classes is None:
        return None, None, ()
    place = {name: label for label, name in enumerate(classes)}
    if outside := sum(name not in place for name in names):
        return None, None, (f"no classes: {outside:,} of {len(names):,} pictures lie outside of the class folders",)
    return np.array([place[name] for name in names if name is not None], np.int64), classes, ()
