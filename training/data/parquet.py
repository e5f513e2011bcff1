"""Parquet files: a column of encoded pictures, and one of labels.

    a path -> [parquet] -> dataset

As Hugging Face writes them, or plainer. Reads a thousand rows at a time.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow
import pyarrow.parquet
from pyarrow import types

from training.data.sources import Encoded, EncodedFile, stamp_of

_ROWS = 1000
_IMAGE_COLUMNS = ("image", "img")
_LABEL_COLUMNS = ("label", "labels", "fine_label")


def parquet_source(paths: Sequence[Path], all_paths: Sequence[Path], with_classes: bool) -> Encoded:
    """The pictures of one part, with their labels where there are any.

    An image column holds bytes, or structs with a field `bytes`. If there are several, `image` or `img` is taken. A
    label column holds whole numbers or text. It is `label`, or the only one of `labels` and `fine_label`.

    Args:
        paths: files of the part asked for.
        all_paths: those of all parts, which decide on the classes.

    Raises:
        ValueError: a file has no such column, or only some rows have a label.
    """
    columns = {path: _image_column(path) for path in paths}
    names = {path: _class_names(path) if with_classes else None for path in all_paths}
    of_part = [name for path in paths for name in names[path] or ()]
    labelled = any(name is not None for name in of_part)
    if labelled:
        _refuse_missing_labels(paths, names)
    known = {name for found in names.values() for name in found or () if name is not None}
    classes = tuple(_in_label_order(known, _names_by_hugging_face(paths[0]))) if labelled else None

    def files() -> Iterator[EncodedFile]:
        for path in paths:
            called = names[path] if labelled else None
            for row, data in enumerate(_rows(path, columns[path])):
                yield EncodedFile(f"{path.name} row {row}", partial(bytes, data), called[row] if called else None)

    count = sum(_open(path).metadata.num_rows for path in paths)
    stamp = "\n".join(f"parquet {path.resolve()} {stamp_of(path)}" for path in paths)
    return Encoded(files, count, f"{stamp}\n{classes}", classes)


@contextmanager
def _damage_as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path}: found no whole parquet file ({error}), expected one") from None


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    with _damage_as_error(path):
        return pyarrow.parquet.ParquetFile(path)


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


def _label_column(path: Path) -> str | None:
    def names_a_class(kind: pyarrow.DataType) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind))

    schema = _open(path).schema_arrow
    found = [name for name in _LABEL_COLUMNS if name in schema.names and names_a_class(schema.field(name).type)]
    if "label" not in found and len(found) > 1:
        raise ValueError(
            f"{path}: found the label columns {' and '.join(found)}, expected one. "
            "Rename the one to learn from to `label`, or use --no-classes."
        )
    return found[0] if found else None


def _class_names(path: Path) -> list[str | None] | None:
    """What each row is called; None for a row without a label (null, or negative, as Hugging Face writes it)."""
    column = _label_column(path)
    if column is None:
        return None
    file = _open(path)
    with _damage_as_error(path):
        values = file.read(columns=[column]).column(0).to_pylist()
    _check_rows(path, file, len(values))
    names = _names_by_hugging_face(path)
    return [_name(value, names) for value in values]


def _name(value: int | str | None, names: Sequence[str]) -> str | None:
    if value is None or (isinstance(value, int) and value < 0):
        return None
    return names[value] if isinstance(value, int) and value < len(names) else str(value)


def _names_by_hugging_face(path: Path) -> list[str]:
    """The names of a ClassLabel in label order, from the schema's metadata; none where there is no such thing."""
    column = _label_column(path)
    try:
        features = json.loads((_open(path).schema_arrow.metadata or {})[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[column]["names"]]
    except (KeyError, TypeError, ValueError):
        return []


def _in_label_order(known: set[str], names: Sequence[str]) -> list[str]:
    """By their place in the metadata, else as numbers where all are, else by name."""
    rest = known - set(names)
    numbers = all(name.isdecimal() for name in rest)
    return [name for name in names if name in known] + sorted(rest, key=int if numbers else str)


def _refuse_missing_labels(paths: Sequence[Path], names: dict[Path, list[str | None] | None]) -> None:
    for path in paths:
        called = names[path]
        if called is None or None in called:
            row = f"row {called.index(None)}" if called else "any row"
            raise ValueError(f"{path}: found no label for {row}, expected one for each. Add it, or use --no-classes.")
