"""A path -> pictures in one array, named by their digest: what training and evaluation read.

    sources, parquet -> decode -> splits -> cache -> [dataset] -> batches, evaluation

A data set is (N, H, W, C) uint8 in memory, with a label for each picture where it
has classes. Its digest is the SHA-256 of shape, pixels, labels and class names.
Knows nothing of networks.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.picture_folders import BUILT_IN
from training.data.cache import CACHE, FEWEST_TO_KEEP, key_of, read_cached
from training.data.decode import Decoded, Progress, Skipped, read_arrays, read_files
from training.data.folders import folder_source, zip_source
from training.data.layout import ROLES
from training.data.parquet import parquet_source
from training.data.reading import Reading
from training.data.shape import Shape
from training.data.sources import Arrays, Encoded, idx_source, is_idx, printable
from training.data.splits import PREFIX, Part, split, stack

FEWEST_PICTURES = 2
MOST_HELD_OUT = 1_000
"""Pictures of the test part that a run looks at."""


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
    """Files that are not pictures, and why."""
    labels: NDArray[np.int64] | None = None
    """(N,) places in `classes`; None where there are no classes."""
    classes: tuple[str, ...] | None = None
    """Names in label order."""
    notes: tuple[str, ...] = ()
    """What a person should read; the first says how the pictures got their shape, and why."""
    weights: NDArray[np.float64] | None = None
    """(N,) sums to 1: how often each is shown; None: all as often."""
    held_out: "Pictures | None" = None
    """Pictures of the test part, at most `MOST_HELD_OUT`: a run sees by them how much it overfits, and learns nothing
    else from them."""

    @property
    def class_counts(self) -> list[int] | None:
        """Pictures of each class, by how often they are shown; None where there are no classes."""
        if self.labels is None or self.classes is None:
            return None
        shares = None if self.weights is None else self.weights * len(self.labels)
        counts = np.bincount(self.labels, shares, minlength=len(self.classes)).round()
        return [int(count) for count in counts]


def open_pictures(
    source: str,
    shape: Shape = Shape(),
    part: Part = "train",
    classes: bool | None = None,
    progress: Progress = lambda _done, _total: None,
    cache: Path | None = CACHE,
    reading: Reading = Reading(),
) -> Pictures:
    """Read a data set.

    Which pictures are for testing is what the source says: an idx or parquet file called test, t10k or validation
    next to others; the folder `test`, `val` or the like next to `train`. Where it says nothing (also where one file is
    given as the path), and there are 50 pictures or more, a tenth is held out: those whose pixels' SHA-256 begins with
    a byte that is a multiple of ten (so in another shape it is another tenth). Of fewer pictures all are for training.

    Args:
        source: a folder or zip of pictures; an idx or parquet file, or a folder of them; `digits`; or `stacked:` and
            any of these in grey, for stacks of three (Stacked-MNIST).
        shape: size and channels to bring all pictures to, and how.
        part: `train` or `test`.
        classes: look for labels: folders, label files, or a label column; True: refuse pictures without; None: as
            `reading` says.
        progress: called with the files read so far and the files to read.
        cache: a folder for what was decoded of large sources, None to keep nothing.
        reading: which labels and which pictures are taken, and what lies under transparency.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: what is there is not a data set, or has no such part; says what was found and what was expected.
    """
    if part not in get_args(Part):
        raise ValueError(f"part is {part!r}; it must be train or test")
    if classes is not None:
        reading = replace(reading, classes=classes)
    if source.startswith(PREFIX):
        return _stacked(source.removeprefix(PREFIX), shape, part, progress, cache, reading)
    with _naming(source):
        decoded = _read(find_source(source, part, reading), shape, part, progress, cache, reading)
    if decoded is None:
        raise ValueError(
            f"{source}: found no test part, and fewer than {reading.hold_out_from} pictures, of which none are held "
            "out. Put pictures to test with into a folder `test` next to the folder `train`."
        )
    _check(source, part, decoded)
    if reading.classes and decoded.labels is None:
        raise ValueError(
            f"{source}: found no classes ({'; '.join(decoded.notes[1:]) or 'neither folders nor labels'}), "
            "expected a folder for each, a file or a column of labels. Leave --classes away to train without."
        )
    return Pictures(
        data_name(source),
        decoded.images,
        _digest(decoded),
        decoded.skipped,
        decoded.labels,
        decoded.classes,
        decoded.notes,
    )


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """What is wrong with a source is said with its name: a person may have typed several."""
    try:
        yield
    except ValueError as error:
        name = printable(source)
        if name in str(error):
            raise
        raise ValueError(f"{name}: {error}") from error


def data_name(source: str) -> str:
    """What a source is called: its last folder or file."""
    if source.startswith(PREFIX):
        return f"stacked-{data_name(source.removeprefix(PREFIX))}"
    path = Path(source)
    return printable(path.resolve().name) if path.exists() else source


def _read(
    found: Arrays | Encoded, shape: Shape, part: Part, progress: Progress, cache: Path | None, reading: Reading
) -> Decoded | None:
    """One part of a source; None where it has no such part."""

    def parts() -> dict[Part, Decoded]:
        whole = (
            read_arrays(found, shape)
            if isinstance(found, Arrays)
            else read_files(found, shape, progress, reading.background)
        )
        return {part: whole} if found.is_part else split(whole, reading.hold_out_from)

    if cache is None or isinstance(found, Arrays) or found.count < FEWEST_TO_KEEP:
        return parts().get(part)
    return read_cached(cache, key_of(found, shape), part, parts)


def _stacked(
    source: str, shape: Shape, part: Part, progress: Progress, cache: Path | None, reading: Reading
) -> Pictures:
    if shape.channels == 1:
        raise ValueError("channels is 1; stacks of three grey pictures have 3")
    if reading.classes:
        raise ValueError(f"{PREFIX}{source}: a stack shows three digits and has no class. Leave --classes away.")
    grey = open_pictures(source, Shape(shape.size, None, shape.resize), part, False, progress, cache, reading)
    try:
        images = stack(grey.images, part)
    except ValueError as error:
        raise ValueError(f"{PREFIX}{source}: {error}") from None
    note = f"stacks of 3 of {len(grey.images):,} grey pictures"
    return Pictures(
        data_name(f"{PREFIX}{source}"), images, _digest(Decoded(images)), grey.skipped, notes=(*grey.notes, note)
    )


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


_TEST_WORDS = ("test", "t10k", *(word for word, role in ROLES.items() if role == "test" and word != "test"),
               *(word for word, role in ROLES.items() if role == "validation"))  # fmt: skip
"""In the name of an idx or parquet file; the first of them that any file has is the test part."""


def check_source(source: str) -> None:
    """Refuse a path that is not there, before anything is loaded that takes time.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    path = source.removeprefix(PREFIX)
    if path != BUILT_IN and not Path(path).exists():
        raise FileNotFoundError(f"{path}: no such file or folder. Expected pictures there, or the word {BUILT_IN}.")


def find_source(source: str, part: str, reading: Reading = Reading()) -> Arrays | Encoded:
    """Look at a path.

    Args:
        source: a folder or zip of pictures; an idx or parquet file, or a folder of them; or `digits`.
        part: `train` or `test`, where the source says which is which; otherwise all pictures are given.
        reading: look for labels as well.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: what is there is not a data set; says what was found and what was expected.
    """
    path = Path(source)
    check_source(source)
    if source == BUILT_IN and not path.exists():
        return _digits(reading.classes is not False)
    if idx := _of_kind(path, is_idx):
        files, is_part = files_of_part(idx, part)
        arrays = idx_source(files, idx, reading.classes is not False)
        return replace(arrays, is_part=is_part, notes=_unused(idx) if is_part else ())
    if parquet := _of_kind(path, lambda file: file.suffix.lower() == ".parquet"):
        files, is_part = files_of_part(parquet, part)
        found = parquet_source(files, _used(parquet) if is_part else parquet, reading)
        return replace(found, is_part=is_part, notes=(*found.notes, *_unused(parquet))) if is_part else found
    if path.is_dir():
        return folder_source(path, part, reading)
    if path.suffix.lower() == ".zip":
        return zip_source(path, part, reading)
    raise ValueError(f"{source}: found a file, expected a folder, a .zip, a .parquet or an idx file of pictures")


def _used(files: list[Path]) -> list[Path]:
    return [file for part in get_args(Part) for file in files_of_part(files, part)[0]]


def _unused(files: list[Path]) -> tuple[str, ...]:
    """A sentence on the files that are in neither part."""
    left = [printable(file.name) for file in files if file not in _used(files)]
    return (f"not used: {', '.join(left)}",) if left else ()


def files_of_part(files: list[Path], part: str) -> tuple[list[Path], bool]:
    """The files of a part, and whether their names say so; all of them where no name does.

    `train` is what is called so, and where nothing is, all that is not called test or validation.
    """

    def called(word: str) -> list[Path]:
        return [file for file in files if word in re.split(r"[^a-z0-9]+", file.name.lower())]

    for_test = [file for word in _TEST_WORDS for file in called(word)]
    to_train = called("train") or [file for file in files if file not in for_test]
    if not for_test or not to_train:
        return to_train or files, False
    return (to_train if part == "train" else next(found for word in _TEST_WORDS if (found := called(word)))), True


def digits() -> NDArray[np.uint8]:
    """scikit-learn's 1,797 handwritten digits, (N, 8, 8, 1) uint8; comes with the package, no download."""
    from sklearn.datasets import load_digits

    levels_0_to_16: NDArray[np.float64] = load_digits().images
    return (levels_0_to_16 * (255 / 16)).round().astype(np.uint8)[..., None]


def _digits(with_classes: bool) -> Arrays:
    from sklearn.datasets import load_digits

    if not with_classes:
        return Arrays(digits())
    return Arrays(digits(), load_digits().target.astype(np.int64), tuple("0123456789"))


def _of_kind(path: Path, is_kind: Callable[[Path], bool]) -> list[Path]:
    """The files of a kind at this path: itself, or in this folder, or in the one folder that is in it.

    One that lies there packed as well is taken once.
    """
    if path.is_file():
        return [path] if is_kind(path) else []
    entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    files = sorted(file for file in entries if file.is_file() and is_kind(file))
    folders = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    if not files and len(folders) == 1:
        return _of_kind(folders[0], is_kind)
    return [file for file in files if file.suffix != ".gz" or file.with_suffix("") not in files]
