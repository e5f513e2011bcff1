"""Folders and zips of pictures: what is found in them, without what is hidden, ours, or twice there.

    a path -> [folders] (labels, layout) -> dataset

Links to folders are followed, each folder is read once. Knows names and bytes;
decodes nothing.
"""

import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from training.data.labels import LARGEST_FILE, is_label_file, read_labels
from training.data.layout import Layout, Name, lay_out
from training.data.ours import kind_of_ours, ours_around
from training.data.reading import Reading
from training.data.sources import Encoded, EncodedFile, printable, stamp_of

_MOST_NAMED = 5


@dataclass
class _Found:
    """Files by name, and what was not followed or read."""

    paths: dict[Name, Path] = field(default_factory=dict)
    ours: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def notes(self) -> Iterator[str]:
        for what, names in (
            ("left out what runs of ours wrote", self.ours),
            ("links to folders that are read under another name are not followed", self.twice),
        ):
            more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
            if names:
                yield f"{what}: {', '.join(names[:_MOST_NAMED])}{more}"


def folder_source(folder: Path, part: str, reading: Reading = Reading()) -> Encoded:
    """Every file below a folder but hidden ones, by path.

    Raises:
        ValueError: the folder is what a run of ours wrote, or lies in one.
    """
    if around := ours_around(folder):
        raise ValueError(f"{folder}: found {around[0]} of ours at {around[1]}, expected pictures. Give their folder.")
    found = _walk(folder)
    facts = {name: path.stat() for name, path in found.paths.items() if path.is_file()}
    names = sorted(facts)
    stamps = "\n".join(f"{'/'.join(name)} {stamp_of(facts[name])}" for name in names)
    readers = {name: (found.paths[name].read_bytes, facts[name].st_size) for name in names}
    return _encoded(readers, f"folder {folder.resolve()}\n{stamps}", part, reading, list(found.notes()))


def _walk(folder: Path) -> _Found:
    found, seen = _Found(), set()
    for here, folders, files in os.walk(folder, followlinks=True):
        above, facts = Path(here).relative_to(folder).parts, os.stat(here)
        told = printable("/".join(above))
        if (identity := (facts.st_dev, facts.st_ino)) in seen:
            folders[:] = []
            found.twice.append(told)
            continue
        seen.add(identity)
        if above and kind_of_ours(Path(here), frozenset(files)):
            folders[:] = []
            found.ours.append(told)
            continue
        folders[:] = sorted(
            (name for name in folders if not _is_hidden(name)),
            key=lambda name: (os.path.islink(Path(here, name)), name),
        )
        for name in [*folders]:
            if os.path.islink(path := Path(here, name)) and ours_around(path):
                folders.remove(name)
                found.ours.append(printable("/".join((*above, name))))
        for name in files:
            if _is_hidden(name):
                continue
            if os.path.islink(path := Path(here, name)) and ours_around(path.resolve().parent):
                found.ours.append(printable("/".join((*above, name))))
            else:
                found.paths[(*above, name)] = path
    return found


def zip_source(path: Path, part: str, reading: Reading = Reading()) -> Encoded:
    """Every file in a zip but hidden ones, by path.

    Raises:
        ValueError: the file is not a zip.
    """
    try:
        archive = zipfile.ZipFile(path)  # stays open for as long as its entries are read
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ValueError(f"{path}: found a file that is not a zip ({error}), expected a zip of pictures") from None
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    # Some writers on Windows separate folders by backslashes.
    separators = r"/+" if any("/" in entry.filename for entry in files) else r"[/\\]+"
    entries = {tuple(re.split(separators, entry.filename.strip("/"))): entry for entry in files}
    names = sorted(name for name in entries if not any(map(_is_hidden, name)))
    readers = {name: (partial(_read_entry, archive, entries[name]), entries[name].file_size) for name in names}
    return _encoded(readers, f"zip {path.resolve()} {stamp_of(path.stat())}", part, reading, [])


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """As many bytes as the entry says it has, whatever it would unpack to."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"packed by method {entry.compress_type} of zip, expected stored or deflated")
    with archive.open(entry) as file:  # ZipFile.read would unpack all of it, and then cut it
        return file.read(max(1, entry.file_size))


def _encoded(
    readers: Mapping[Name, tuple[Callable[[], bytes], int]], stamp: str, part: str, reading: Reading, notes: list[str]
) -> Encoded:
    """Of all files those of a part, with the class of each."""
    labels = read_labels(dict(_label_files(readers)) if reading.classes is not False else {}, readers)
    names = [name for name in readers if name not in labels.files]
    layout = lay_out(names, reading, labels.class_of)
    files = _files(layout, layout.parts[part], readers)
    others = _files(layout, layout.parts["test" if part == "train" else "train"], readers) if layout.is_part else []
    classes = None if layout.classes is None else tuple(map(printable, layout.classes))
    return Encoded(
        lambda: files,
        len(files),
        f"{stamp}\n{part if layout.is_part else 'whole'} {reading}",
        classes,
        layout.is_part,
        tuple(map(printable, (*notes, *labels.notes, *layout.notes))),
        lambda: others,
    )


def _files(
    layout: Layout, names: list[Name], readers: Mapping[Name, tuple[Callable[[], bytes], int]]
) -> list[EncodedFile]:
    return [
        EncodedFile(
            printable("/".join(name)),
            readers[name][0],
            printable(layout.class_of[name]) if name in layout.class_of else None,
            readers[name][1],
        )
        for name in names
    ]


def _label_files(readers: Mapping[Name, tuple[Callable[[], bytes], int]]) -> Iterator[tuple[Name, bytes | str]]:
    for name, (read, size) in readers.items():
        if not is_label_file(name):
            continue
        if size > LARGEST_FILE:
            yield name, f"found {size:,} bytes in it, expected at most {LARGEST_FILE:,}"
            continue
        try:
            yield name, read()
        except Exception as error:  # zipfile raises whatever its decompressors do
            yield name, f"it cannot be read ({error})"


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
