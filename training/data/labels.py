"""Files of labels next to pictures, and which of their columns says the class.

    folders, parquet -> [labels] -> layout

    dataset.json                    StyleGAN's: {"labels": [["00000/img00000000.png", 3], ...]}
    metadata.csv, metadata.jsonl    Hugging Face's: a column file_name, and others
    labels.csv and the like         any table with a column that names the pictures, by path, name or stem

A file that cannot be used is named, with the reason; then folders are the classes.
"""

import csv
import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.data.layout import Name, is_picture

LARGEST_FILE = 48_000_000
"""Bytes; what they become in memory is several times as much."""
_MOST_LISTS = 3_000_000
_DATASET = "dataset.json"
_STEMS = frozenset({"metadata", "labels", "label", "annotations", "classes", "train_labels", "train", "test", "data"})
_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl"})
_LABEL_COLUMNS = (
    "label", "labels", "finelabel", "class", "classes", "classname", "classlabel", "classid", "category",
    "categories", "categoryname", "categoryid", "target", "targets", "labelname", "labelid",
)  # fmt: skip
"""What a column of labels is called, without case and punctuation; `label` is taken before all others."""
_NO_LABELS = frozenset({"split", "fold", "index", "idx", "id", "width", "height", "size", "channels", "year"})
_MOST_CLASSES = 1000


class Ambiguous(ValueError):
    """Several columns may be the labels."""


@dataclass
class Labels:
    """What the files of labels of a source say."""

    class_of: dict[Name, str] | None = None
    """None where no file could be used."""
    files: set[Name] = field(default_factory=set)
    """Those that are files of labels, and no pictures."""
    notes: list[str] = field(default_factory=list)


def is_label_file(name: Name) -> bool:
    """Whether a file's name says that labels are in it."""
    stem, suffix = os.path.splitext(name[-1].lower())
    return name[-1].lower() == _DATASET or (stem in _STEMS and suffix in _SUFFIXES)


def read_labels(files: Mapping[Name, bytes | str], names: Iterable[Name]) -> Labels:
    """Take the classes of pictures from the files that say them.

    Args:
        files: name -> content, or the reason why it was not read.
        names: of all files.
    """
    labels, pictures = Labels(files=set(files)), [name for name in names if is_picture(name)]
    for name, content in files.items():
        told = "/".join(name)
        try:
            if isinstance(content, str):
                raise ValueError(content)
            below = _Finder(name[:-1], pictures)
            found, how = (
                _read_json(content, below) if name[-1].lower() == _DATASET else _read_table(name, content, below)
            )
        except ValueError as error:
            labels.notes.append(f"{told} is not used: {error}")
            continue
        labels.class_of = (labels.class_of or {}) | found
        labels.notes.append(f"classes are from {told}, {how}: {len(found):,} of {len(below):,} pictures have one")
    return labels


class _Finder:
    """Finds the picture that a row names: by its path below the file's folder, its name, or its stem."""

    def __init__(self, folder: Name, pictures: Sequence[Name]) -> None:
        below = [name for name in pictures if name[: len(folder)] == folder]
        self._count = len(below)
        self._by: dict[str, list[Name]] = defaultdict(list)
        for name in below:
            path = "/".join(name[len(folder) :])
            for key in {path, name[-1], os.path.splitext(path)[0], os.path.splitext(name[-1])[0]}:
                self._by[key].append(name)

    def __len__(self) -> int:
        return self._count

    def find(self, said: object) -> Name | None:
        """The one picture that is meant; None where there is none, or several."""
        if not isinstance(said, str):
            return None
        path = said.strip().replace("\\", "/").removeprefix("./")
        for key in (path, path.rsplit("/", 1)[-1]):
            found = self._by.get(key, [])
            if len(found) == 1:
                return found[0]
        return None


def _read_json(content: bytes, below: _Finder) -> tuple[dict[Name, str], str]:
    if content.count(b"[") + content.count(b"{") > _MOST_LISTS:
        raise ValueError(f"found more than {_MOST_LISTS:,} lists in it, expected a list of names and labels")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"found invalid JSON ({error})") from None
    labels = found.get("labels") if isinstance(found, dict) else None
    if labels is None:
        raise ValueError('found no labels in it, expected {"labels": [["00000/img00000000.png", 3], ...]}')
    pairs = list(labels.items()) if isinstance(labels, dict) else labels
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ValueError("found labels of another form, expected pairs of a file's name and a class")
    values = [label for _, label in pairs]
    if unfit := [one for one in values if one is not None and not isinstance(one, int | str)]:
        raise ValueError(f"found the label {str(unfit[0])[:40]}, expected whole numbers or names of classes")
    return _named([name for name, _ in pairs], class_names(values), below), "by its labels"


def _read_table(name: Name, content: bytes, below: _Finder) -> tuple[dict[Name, str], str]:
    columns = _columns(name[-1].lower(), content, below)
    matches = {title: len({*map(below.find, values)} - {None}) for title, values in columns.items()}
    of_files = max(matches, key=lambda title: matches[title], default="")
    if not matches.get(of_files):
        raise ValueError(f"found no column in it that names the pictures; it has {', '.join(columns) or 'none'}")
    rest = {title: values for title, values in columns.items() if title != of_files}
    chosen = choose_column(rest)
    return _named(columns[of_files], class_names(rest[chosen]), below), f"column {chosen}"


def _named(said: Sequence[object], labels: Sequence[str | None], below: _Finder) -> dict[Name, str]:
    found = {below.find(name): label for name, label in zip(said, labels, strict=True)}
    named = {name: label for name, label in found.items() if name is not None and label is not None}
    if len(set(named.values())) < 2:
        raise ValueError(
            f"found {len(set(named.values()))} classes for the pictures that are here, expected two or more"
        )
    return named


def _columns(name: str, content: bytes, below: _Finder) -> dict[str, list[Any]]:
    text = content.decode("utf-8-sig", "replace")
    if name.endswith(".jsonl"):
        return _columns_of_lines(text)
    try:
        dialect = "\t" if name.endswith(".tsv") else _separator(text)
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=dialect) if row]
    except csv.Error as error:
        raise ValueError(f"found no table in it ({error})") from None
    if not rows:
        raise ValueError("found nothing in it")
    if any(below.find(value) for value in rows[0]):  # no line of titles
        rows = [[f"column {place + 1}" for place in range(len(rows[0]))], *rows]
    return {
        title.strip() or f"column {place + 1}": [row[place] if place < len(row) else None for row in rows[1:]]
        for place, title in enumerate(rows[0])
    }


def _separator(text: str) -> str:
    """Of a comma, a semicolon and a tab, the most frequent in the first line."""
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _columns_of_lines(text: str) -> dict[str, list[Any]]:
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ValueError(f"found invalid JSON ({error})") from None
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("found lines that are no JSON objects")
    titles = dict.fromkeys(str(title) for row in rows for title in row)
    return {title: [row.get(title) for row in rows] for title in titles}


def called_labels(titles: Iterable[str]) -> list[str]:
    """The columns that are called as labels are; only `label` where there is one."""
    plain = {title: re.sub(r"[^a-z0-9]", "", title.lower()) for title in titles}
    found = [title for title, word in plain.items() if word in _LABEL_COLUMNS]
    return [title for title in found if plain[title] == "label"][:1] or found


def may_be_labels(title: str) -> bool:
    """Whether a column of an unknown name may still be the labels."""
    return re.sub(r"[^a-z0-9]", "", title.lower()) not in _NO_LABELS


def choose_column(columns: Mapping[str, Sequence[Any]]) -> str:
    """The column of labels: by its name, else the only one with few different values.

    Raises:
        Ambiguous: several may be it.
        ValueError: none is.
    """
    usable = {title: names for title, values in columns.items() if (names := _labels_or_none(values)) is not None}
    called = called_labels(usable)
    if len(called) > 1 and len({_pattern(usable[title]) for title in called}) == 1:
        words = [title for title in called if not all((name or "0").isdecimal() for name in usable[title])]
        called = [*words, *called][:1]  # a number and a name of the same class: the name
    if len(called) > 1:
        raise Ambiguous(f"found the label columns {' and '.join(called)}, expected one")
    if called:
        return called[0]
    few = [title for title, names in usable.items() if may_be_labels(title) and _are_few(names)]
    if len(few) > 1:
        raise Ambiguous(f"found the columns {' and '.join(few)} that may be labels, expected one that is called label")
    if not few:
        raise ValueError(f"found no column of labels; it has {', '.join(columns) or 'no other'}")
    return few[0]


def _labels_or_none(values: Sequence[Any]) -> list[str | None] | None:
    try:
        return class_names(values)
    except ValueError:
        return None


def _pattern(names: Sequence[str | None]) -> tuple[int, ...]:
    """The same for two columns that tell the same pictures apart."""
    places: dict[str | None, int] = {}
    return tuple(places.setdefault(name, len(places)) for name in names)


def _are_few(names: Sequence[str | None]) -> bool:
    different = len(set(names) - {None})
    return 2 <= different <= min(_MOST_CLASSES, len(names) // 2)


def class_names(values: Sequence[Any], names: Sequence[str] = ()) -> list[str | None]:
    """What each value calls a class; None for none: null, a negative number as Hugging Face writes it, an empty text.

    Args:
        names: of the classes, by number.

    Raises:
        ValueError: a value is no whole number, text or truth value.
    """
    return [_class_name(value, names) for value in values]


def _class_name(value: Any, names: Sequence[str]) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        if value != value:  # NaN: pandas writes a missing number so
            return None
        if not value.is_integer():
            raise ValueError(f"found the label {value}, expected whole numbers or names of classes")
        value = int(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool | str):
        return re.sub(r"^(\d+)\.0+$", r"\1", value) if isinstance(value, str) else str(value).lower()
    if not isinstance(value, int):
        raise ValueError(f"found a label of type {type(value).__name__}, expected whole numbers or names of classes")
    if value < 0:
        return None
    return names[value] if value < len(names) else str(value)
