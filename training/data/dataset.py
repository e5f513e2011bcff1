"""Pictures of any kind -> one array that training reads: the door of this package.

    sources, reading, parts, cache -> [data] -> loop

A data set is (N, H, W, C) uint8 in memory, with a label a picture where it has
classes, and named by the SHA-256 of both. Knows nothing of networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from training.data.cache import CACHE, FEWEST_TO_KEEP, kept, key_of
from training.data.decode import Skipped
from training.data.kinds import Arrays, Encoded
from training.data.parts import FEWEST_TO_HOLD_OUT, Part, split
from training.data.reading import Decoded, Progress, read_arrays, read_files
from training.data.shape import Shape
from training.data.sources import find_source
from training.data.stacked import PREFIX, stack

FEWEST_PICTURES = 2


@dataclass(frozen=True)
class Pictures:
    """A data set, decoded."""

    name: str
    """What it was called on the command line, without its folders."""
    images: NDArray[np.uint8]
    """(N, H, W, C) uint8; C is 1 or 3."""
    digest: str
    """SHA-256 over the shape and the pixels, and over labels and class names where there are any."""
    skipped: tuple[Skipped, ...]
    """Files that were no pictures, and why."""
    labels: NDArray[np.int64] | None = None
    """(N,) places in `classes`; None where there are no classes."""
    classes: tuple[str, ...] | None = None
    """Names in label order."""
    notes: tuple[str, ...] = ()
    """What a person should be told; the first says how the pictures got their shape, and why."""
    weights: NDArray[np.float64] | None = None
    """(N,) sums to 1: how often each is shown; None: all as often."""

    @property
    def class_counts(self) -> list[int] | None:
        """Pictures of each class, by how often they are shown; None where there are no classes."""
        if self.labels is None or self.classes is None:
            return None
        shares = None if self.weights is None else self.weights * len(self.labels)
        return np.bincount(self.labels, shares, minlength=len(self.classes)).round().astype(int).tolist()


def open_pictures(
    source: str,
    shape: Shape = Shape(),
    part: Part = "train",
    classes: bool = True,
    progress: Progress = lambda _done, _total: None,
    cache: Path | None = CACHE,
) -> Pictures:
    """Read a data set.

    Which pictures are for testing is what the source says: an idx or parquet file called test, t10k or validation
    beside others; the folder `test` beside `train`. Where it says nothing (also where one file is given as the path),
    and there are 500 pictures or more, a tenth is held out: those whose pixels' SHA-256 begins with a byte that is a
    multiple of ten (so in another shape it is another tenth). Of fewer pictures all are for training.

    Args:
        source: a folder or zip of pictures; an idx or parquet file, or a folder of them; `digits`; or `stacked:` and
            any of these in grey, for stacks of three (Stacked-MNIST).
        shape: size and channels to bring all pictures to, and how.
        part: `train` or `test`.
        classes: look for labels: the first folders, label files, or a label column.
        progress: called with the files read so far and the files to read.
        cache: a folder for what was decoded of large sources, None to keep nothing.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: what is there is no data set, or has no such part; says what was found and what was expected.
    """
    if part not in get_args(Part):
        raise ValueError(f"part is {part!r}; it must be train or test")
    if source.startswith(PREFIX):
        return _stacked(source.removeprefix(PREFIX), shape, part, progress, cache)
    decoded = _read(find_source(source, part, classes), shape, part, progress, cache)
    if decoded is None:
        raise ValueError(
            f"{source}: found no test part, and fewer than {FEWEST_TO_HOLD_OUT} pictures, of which none are held out. "
            "Put pictures to test with into a folder `test` beside the folder `train`."
        )
    _check(source, part, decoded)
    path = Path(source)
    name = path.resolve().name if path.exists() else source
    return Pictures(
        name, decoded.images, _digest(decoded), decoded.skipped, decoded.labels, decoded.classes, decoded.notes
    )


def _read(found: Arrays | Encoded, shape: Shape, part: Part, progress: Progress, cache: Path | None) -> Decoded | None:
    """One part of a source; None where it has no such part."""

    def parts() -> dict[Part, Decoded]:
        whole = read_arrays(found, shape) if isinstance(found, Arrays) else read_files(found, shape, progress)
        return {part: whole} if found.is_part else split(whole)

    if cache is None or isinstance(found, Arrays) or found.count < FEWEST_TO_KEEP:
        return parts().get(part)
    return kept(cache, key_of(found, shape), part, parts)


def _stacked(source: str, shape: Shape, part: Part, progress: Progress, cache: Path | None) -> Pictures:
    if shape.channels == 1:
        raise ValueError("channels is 1; stacks of three grey pictures have 3")
    grey = open_pictures(source, Shape(shape.size, None, shape.resize), part, False, progress, cache)
    try:
        images = stack(grey.images, part)
    except ValueError as error:
        raise ValueError(f"{PREFIX}{source}: {error}") from None
    note = f"stacks of 3 of {len(grey.images):,} grey pictures"
    return Pictures(f"stacked-{grey.name}", images, _digest(Decoded(images)), grey.skipped, notes=(*grey.notes, note))


def _check(source: str, part: Part, decoded: Decoded) -> None:
    count = len(decoded.images)
    if count < FEWEST_PICTURES:
        raise ValueError(f"{source}: found {count} picture, expected {FEWEST_PICTURES} or more. Add pictures.")
    if decoded.labels is None or decoded.classes is None or part == "test":
        return
    counts = np.bincount(decoded.labels, minlength=len(decoded.classes))
    few = [
        f"{name!r} with {counts[label]}"
        for label, name in enumerate(decoded.classes)
        if counts[label] < FEWEST_PICTURES
    ]
    if few:
        more = f" and {len(few) - 5:,} other classes" if len(few) > 5 else ""
        raise ValueError(
            f"{source}: found too few readable pictures to train on in the class {', '.join(few[:5])}{more}; expected "
            f"{FEWEST_PICTURES} or more of each. Add pictures, leave the class out, or use --no-classes."
        )


def data_digest(
    images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None, classes: Sequence[str] | None
) -> str:
    """SHA-256 of a data set in hex: its shape and pixels, and labels and class names where there are any."""
    return _digest(Decoded(images_NHWC, labels_N, None if classes is None else tuple(classes)))


def _digest(decoded: Decoded) -> str:
    digest = decoded.pixels_sha256.copy()
    if decoded.labels is not None:
        digest.update(decoded.labels.astype("<i8").tobytes())
        digest.update(repr(decoded.classes).encode())
    return digest.hexdigest()
