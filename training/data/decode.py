"""Encoded files -> one uint8 array, in parallel and in their order.

    sources, parquet, shape -> [decode] -> splits, cache

Any mode (grey, palette, transparency, CMYK, 16 bits), EXIF rotation applied,
transparency laid on white. A file that is not a whole picture is named and
skipped, with the reason; only where most are unreadable does the run stop. Holds
the decoded pixels and a few encoded files at a time, however many there are.
"""

import hashlib
import io
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from models.engine import usable_cores
from models.sheet import as_picture
from training.data.shape import Header, Shape, Target, decide_target
from training.data.sources import Arrays, Encoded, EncodedFile

DECODER = "1"
"""Raise it where the same file would give other pixels than before: what is in the cache is then decoded again."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "TGA")
"""Pillow's names, the most frequent first. Not all that Pillow knows: for EPS it runs another program on the file."""

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


def decode(file: EncodedFile, target: Target) -> NDArray[np.uint8]:
    """The pixels of a file in the target's shape, (H, W, C) uint8.

    Raises:
        ValueError: the target refuses the picture; and whatever Pillow raises for a damaged picture.
    """
    with _open(file) as picture:
        if refusal := target.refusal(_header_of(picture)):
            raise ValueError(refusal)
        # A JPEG can be decoded at a half, a quarter or an eighth: the smallest that has twice the pixels asked for.
        enough = 2 * max(target.height, target.width)
        picture.draft(picture.mode, (enough, enough))
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        return target.shaped(_opaque(_eight_bits(picture)))


def attempt(job: Callable[[EncodedFile], Result], file: EncodedFile) -> Result | str:
    """The job's result, or the reason why there is none: what breaks one file must not break a run."""
    try:
        return job(file)
    except Exception as error:  # Pillow's decoders raise whatever their format's parser happens to raise
        return f"{str(error) or type(error).__name__}".split(" <")[0]


@contextmanager
def bombs_as_errors() -> Iterator[None]:
    """Pillow's warning of a picture too large to be honest becomes a reason to skip; its other warnings are noise."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _open(file: EncodedFile) -> Image.Image:
    data = file.read()
    if not data:
        raise ValueError("empty file")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(f"not a picture in a format that is read: {', '.join(FORMATS)}") from None


def _header_of(picture: Image.Image) -> Header:
    width, height = picture.size
    # Not picture.getexif(): that of a PNG decodes it whole, in search of what a PNG may have at its end.
    turned = Image.Image.getexif(picture).get(_EXIF_ORIENTATION) in _TURNED_ON_ITS_SIDE
    if turned and picture.format != "TIFF":  # whose size Pillow gives upright
        width, height = height, width
    return Header(height, width, picture.mode in GREY_MODES)


def _eight_bits(picture: Image.Image) -> Image.Image:
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    levels = np.asarray(picture, np.float64)
    most = 65535.0 if levels.max() > 255 else 255.0  # 8-bit levels are often stored in a wider mode
    return Image.fromarray((levels.clip(0, most) * (255 / most)).round().astype(np.uint8))


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))


Progress = Callable[[int, int], None]
"""Called with the files read so far and the files to read; a source of unknown shape is read twice."""

FILES_A_BATCH = 16
"""What one thread takes at a time: enough that handing over costs nothing."""
_BATCHES_IN_FLIGHT = 4


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


def read_files(source: Encoded, shape: Shape, progress: Progress) -> Decoded:
    """Decode all files of a source, in parallel.

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
        images = np.empty((source.count, target.height, target.width, target.channels), np.uint8)
        names: list[str | None] = []
        skipped: list[Skipped] = []
        for file, pixels in _in_order(partial(decode, target=target), source.files()):
            if isinstance(pixels, str):
                skipped.append(Skipped(file.name, pixels))
            else:
                images[len(names)] = pixels
                names.append(file.class_name)
            progress(done := done + 1, steps)
    _refuse_if_mostly_unreadable(len(names), skipped)
    labels, classes, why_not = _labels(names, source.classes)
    return Decoded(images[: len(names)], labels, classes, tuple(skipped), (note, *source.notes, *why_not))


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

    coming = iter(files)
    waiting: deque[Future[list[tuple[EncodedFile, Result | str]]]] = deque()
    with ThreadPoolExecutor(cores := usable_cores()) as pool:
        while batch := list(islice(coming, FILES_A_BATCH)):
            waiting.append(pool.submit(work, batch))
            if len(waiting) > cores * _BATCHES_IN_FLIGHT:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


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
