"""Parquet files: a column of encoded pictures, and one of labels.

    a path -> [parquet] -> dataset

As Hugging Face writes them, or plainer. Reads a thousand rows at a time.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from pyarrow import types

from training.data.labels import Ambiguous, called_labels, choose_column, class_names, may_be_labels
from training.data.layout import in_label_order
from training.data.reading import UNLABELLED, Reading
from training.data.sources import Encoded, EncodedFile, printable, stamp_of

_ROWS = 16
"""At a time: a value may be many times as large as its share of the file."""
_BUFFER_BYTES = 1 << 20
_MOST_UNPACKED = 256_000_000
_MOST_RATIO = 8
"""Encoded pictures hardly get smaller by packing: what unpacks to more than both of these is none."""
_IMAGE_COLUMNS = ("image", "img")


def parquet_source(paths: Sequence[Path], all_paths: Sequence[Path], reading: Reading = Reading()) -> Encoded:
    """The pictures of one part, with their labels where there are any.

    An image column holds bytes, or structs with a field `bytes`. If there are several, `image` or `img` is taken. A
    label column holds whole numbers, text or truth values; which one it is `labels.choose_column` says.

    Args:
        paths: files of the part asked for.
        all_paths: those of all parts, which decide on the classes.

    Raises:
        ValueError: a file has no column of pictures, or several that may be the labels.
    """
    columns = {path: _image_column(path) for path in dict.fromkeys((*paths, *all_paths))}
    for path in columns:
        _refuse_bombs(path)
    notes: list[str] = []
    chosen = None if reading.classes is False else _label_column(all_paths, columns, notes)
    names = {path: _class_names(path, chosen) if chosen else None for path in all_paths}
    of_part = [name for path in paths for name in names.get(path) or ()]
    labelled = any(name is not None for name in of_part)
    known = {name for found in names.values() for name in found or () if name is not None}
    classes = tuple(_in_label_order(known, _names_by_hugging_face(paths[0], chosen))) if labelled and chosen else None
    loose = sum(row.num_rows for row in map(_metadata, paths)) - sum(name is not None for name in of_part)
    if classes and loose:
        notes.append(_told_of_loose(loose, reading))
        if reading.unlabelled == "keep":
            classes = (*(name for name in classes if name != UNLABELLED), UNLABELLED)

    def files(of: Sequence[Path]) -> Iterator[EncodedFile]:
        for path in of:
            called = names.get(path) or [None] * _metadata(path).num_rows
            for row, data in enumerate(_rows(path, columns[path])):
                name = called[row] if classes else None
                if classes and name is None:
                    if reading.unlabelled == "drop":
                        continue
                    name = UNLABELLED
                yield EncodedFile(f"{path.name} row {row}", partial(bytes, data), name, len(data), is_held=True)

    count = sum(_metadata(path).num_rows for path in paths) - (loose if classes and reading.unlabelled == "drop" else 0)
    stamp = "\n".join(f"parquet {path.resolve()} {stamp_of(path.stat())}" for path in paths)
    others = [path for path in all_paths if path not in paths]
    return Encoded(
        lambda: files(paths),
        count,
        f"{stamp}\n{classes} {reading}",
        classes,
        notes=tuple(map(printable, notes)),
        others=lambda: files(others),
    )


def _told_of_loose(loose: int, reading: Reading) -> str:
    if reading.unlabelled == "keep":
        return f"{loose:,} rows without a label became the class {UNLABELLED!r}; --unlabelled drop leaves them out"
    return f"left out {loose:,} rows without a label; --unlabelled keep makes them a class of their own"


def _metadata(path: Path) -> pyarrow.parquet.FileMetaData:
    return _open(path).metadata


@contextmanager
def _damage_as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path}: found no whole parquet file ({error}), expected one") from None


def _open(path: Path, repeating: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    """The file; of columns that repeat themselves every value is held once."""
    with _damage_as_error(path):
        return pyarrow.parquet.ParquetFile(path, read_dictionary=list(repeating) or None, buffer_size=_BUFFER_BYTES)


def _rows(path: Path, column: str) -> Iterator[bytes]:
    file, found = _open(path), 0
    with _damage_as_error(path):
        for batch in file.iter_batches(_ROWS, columns=[column]):
            found += batch.num_rows
            if found > file.metadata.num_rows:
                break
            for value in batch.column(0).to_pylist():
                yield (value["bytes"] if isinstance(value, dict) else value) or b""
    _check_rows(path, file, found)


def _refuse_bombs(path: Path) -> None:
    """Refuse a file that says it becomes far more than pictures can, before any of it is unpacked."""
    metadata, size = _metadata(path), path.stat().st_size
    if metadata.num_rows > size:
        raise ValueError(f"{path}: found {metadata.num_rows:,} rows in {size:,} bytes, expected fewer rows than bytes")
    # Of row groups, not of their columns: pyarrow ends the process on the columns of a damaged footer.
    unpacked = sum(metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups))
    if unpacked > _MOST_UNPACKED and unpacked > _MOST_RATIO * size:
        raise ValueError(
            f"{path}: found {size:,} bytes that unpack to {unpacked:,}, expected at most {_MOST_RATIO} times as many, "
            f"or {_MOST_UNPACKED:,}: pictures do not pack so well"
        )


def _check_rows(path: Path, file: pyarrow.parquet.ParquetFile, found: int) -> None:
    """A damaged file may hold other numbers of rows than it says."""
    expected = file.metadata.num_rows
    if found != expected:
        raise ValueError(f"{path}: found {found:,} rows or more, expected the {expected:,} that it says it has")


def _image_column(path: Path) -> str:
    def holds_bytes(kind: pyarrow.DataType) -> bool:
        if types.is_struct(kind):
            return any(field.name == "bytes" and holds_bytes(field.type) for field in kind)
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    schema = _open(path).schema_arrow
    candidates = [field.name for field in schema if holds_bytes(field.type)]
    if not candidates:
        raise ValueError(f"{path}: found columns {', '.join(schema.names)}, expected one with encoded pictures")
    return next((name for name in _IMAGE_COLUMNS if name in candidates), candidates[0])


def _label_column(paths: Sequence[Path], images: dict[Path, str], notes: list[str]) -> str | None:
    """The column of labels of all files; None, and a note, where there is none."""

    def may_name_a_class(kind: pyarrow.DataType) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(
            types.is_integer(kind)
            or types.is_floating(kind)
            or types.is_boolean(kind)
            or types.is_string(kind)
            or types.is_large_string(kind)
            or types.is_binary(kind)
            or types.is_large_binary(kind)
        )

    first, schema = paths[0], _open(paths[0]).schema_arrow
    rest = [field for field in schema if field.name != images[first]]
    unfit = [field for field in rest if called_labels([field.name]) and not may_name_a_class(field.type)]
    notes += [f"the column {field.name} of {field.type} is not used for labels" for field in unfit]
    titles = [field.name for field in rest if may_name_a_class(field.type)]
    titles = called_labels(titles) or [title for title in titles if may_be_labels(title)]
    if not titles:
        notes.append(f"no classes: found no column of labels in {first.name}; it has {', '.join(schema.names)}")
        return None
    if called_labels(titles) == ["label"] or (len(titles) == 1 and called_labels(titles)):
        return _if_usable(first, titles[0], notes)
    try:
        return choose_column({title: _values(first, title) for title in titles})
    except Ambiguous as error:
        if called_labels(titles):
            raise ValueError(
                f"{first}: {error}. Rename the one to learn from to `label`, or use --no-classes."
            ) from None
        notes.append(f"no classes: {error}")
    except ValueError as error:
        notes.append(f"no classes: {error}")
    return None


def _if_usable(path: Path, column: str, notes: list[str]) -> str | None:
    try:
        class_names(_values(path, column))
    except ValueError as error:
        notes.append(f"no classes: in the column {column} of {path.name}, {error}")
        return None
    return column


def _values(path: Path, column: str) -> list[Any]:
    """All values of a column but that of the pictures; texts are held once each, however many rows have them."""
    if column not in _open(path).schema_arrow.names:
        raise ValueError(f"{path}: found no column {column}, which other files have. Add it, or use --no-classes.")
    file = _open(path, [column])
    with _damage_as_error(path):
        values = [value for chunk in file.read(columns=[column]).column(0).chunks for value in _listed(chunk)]
    _check_rows(path, file, len(values))
    return values


def _listed(chunk: pyarrow.Array) -> list[Any]:
    """The values of a chunk; what repeats itself is one object."""
    if not types.is_dictionary(chunk.type):
        return list(chunk.to_pylist())
    different = chunk.dictionary.to_pylist()
    return [None if place is None else different[place] for place in chunk.indices.to_pylist()]


def _class_names(path: Path, column: str) -> list[str | None]:
    """What each row is called; None for a row without a label (null, or negative, as Hugging Face writes it)."""
    return class_names(_values(path, column), _names_by_hugging_face(path, column))


def _names_by_hugging_face(path: Path, column: str | None) -> list[str]:
    """The names of a ClassLabel in label order, from the schema's metadata; none where there is no such thing."""
    try:
        features = json.loads((_open(path).schema_arrow.metadata or {})[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[column]["names"]]
    except (KeyError, TypeError, ValueError):
        return []


def _in_label_order(known: set[str], names: Sequence[str]) -> list[str]:
    """By their place in the metadata, else as numbers where all are, else by name."""
    return [name for name in names if name in known] + [*in_label_order(known - set(names))]
