"""A folder or a zip of pictures: which files, of which part, in which class.

    a path -> [folders] -> sources

    cats/1.jpg, dogs/2.jpg                    the first folder is the class, where every picture lies in one
    train/cats/1.jpg, test/cats/2.jpg         where there are both, they are the parts

Knows names; opens nothing but the zip's list of them.
"""

import os
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from training.data.kinds import Encoded, EncodedFile, stamp_of

Parts = tuple[str, ...]


def folder_source(folder: Path, part: str, with_classes: bool) -> Encoded:
    """Every file below a folder but hidden ones, by path."""
    paths = {}
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        above = Path(here).relative_to(folder).parts
        paths |= {(*above, name): Path(here, name) for name in files if not _is_hidden(name)}
    names = sorted(parts for parts, path in paths.items() if path.is_file())
    stamps = "\n".join(f"{'/'.join(parts)} {stamp_of(paths[parts])}" for parts in names)
    return _encoded(
        {parts: parts for parts in names},
        lambda parts: paths[parts].read_bytes,
        f"folder {folder.resolve()}\n{stamps}",
        part,
        with_classes,
    )


def zip_source(path: Path, part: str, with_classes: bool) -> Encoded:
    """Every file in a zip but hidden ones, by path; a single folder around all of them is looked through.

    Raises:
        ValueError: the file is no zip.
    """
    try:
        archive = zipfile.ZipFile(path)  # stays open for as long as its entries are read
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: found no zip ({error}), expected a zip of pictures") from None
    entries = {Path(entry.filename).parts: entry.filename for entry in archive.infolist() if not entry.is_dir()}
    names = sorted(parts for parts in entries if not any(map(_is_hidden, parts)))
    wrapped = len({parts[0] for parts in names}) == 1 and all(len(parts) > 1 for parts in names)
    return _encoded(
        {parts: parts[1:] if wrapped else parts for parts in names},
        lambda parts: partial(archive.read, entries[parts]),
        f"zip {path.resolve()} {stamp_of(path)}",
        part,
        with_classes,
    )


def _encoded(
    names: dict[Parts, Parts],
    reader: Callable[[Parts], Callable[[], bytes]],
    stamp: str,
    part: str,
    with_classes: bool,
) -> Encoded:
    """Of names, each with its place below the root, those of a part, with the class of each."""
    tops = {below[0].lower() for below in names.values() if len(below) > 1}
    is_part = {"train", "test"} <= tops
    if is_part:
        names = {
            name: below for name, below in names.items() if len(below) > 1 and below[0].lower() in ("train", "test")
        }
    depth = 1 if is_part else 0
    classes = _classes([below[depth:] for below in names.values()]) if with_classes else None
    files = [
        EncodedFile("/".join(name), reader(name), below[depth] if classes and len(below) > depth + 1 else None)
        for name, below in names.items()
        if not is_part or below[0].lower() == part
    ]
    stamp = f"{stamp}\n{part if is_part else 'whole'} {classes}"
    return Encoded(lambda: files, len(files), stamp, classes, is_part)


def _classes(places: Sequence[Parts]) -> tuple[str, ...] | None:
    """The first folders that hold what is meant as a picture, by name; None where there are fewer than two."""
    pictures = {"", *Image.registered_extensions()}
    found = {place[0] for place in places if len(place) > 1 and os.path.splitext(place[-1])[1].lower() in pictures}
    return tuple(sorted(found)) if len(found) > 1 else None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
