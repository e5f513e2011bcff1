"""A model as a folder: opened unaltered or not at all.

    bundle_writer -> models/<name>/ -> [bundle] -> runtime

Files of a bundle: `card.json`, `generator.onnx`, `samples.png`; where the method
has one `encoder.onnx`, where people graded it `reward.onnx`; `directions.npy` of
what moves pictures most; and, for training to go on from, `weights.safetensors`.
The card holds the SHA-256 of each, each is checked at every opening, and the bytes
of a graph that were hashed are the bytes that an engine loads. A bundle may come
from strangers: a file is read within bounds, and is a plain file of the folder
itself. This file knows folders and digests, and nothing of what the files mean.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pydantic import ValidationError

from models.card import (
    FORMAT,
    Card,
    upgrade,
    version_of,
)
from models.errors import BundleDamaged, BundleMissing, BundleTooNew
from models.files import UnsafeFile, open_plain

CARD, GENERATOR, SAMPLES, WEIGHTS = "card.json", "generator.onnx", "samples.png", "weights.safetensors"
ENCODER, REWARD, DIRECTIONS = "encoder.onnx", "reward.onnx", "directions.npy"
REQUIRED = (GENERATOR, SAMPLES)
_GRAPHS = (GENERATOR, ENCODER, REWARD)
_LARGEST_CARD, _LARGEST_DIRECTIONS, _LARGEST_GRAPH, _LARGEST_FILE = 1 << 20, 1 << 23, (1 << 31) - 1, 1 << 32
"""Bytes. A card of 10,000 classes has 700 kB, directions of codes of 1,024 numbers 4 MiB; protocol buffers end at
2 GiB; 4 GiB are hashed in seconds."""
_LARGEST_KEPT = {**dict.fromkeys(_GRAPHS, _LARGEST_GRAPH), DIRECTIONS: _LARGEST_DIRECTIONS}
"""Files whose bytes are kept, so that what was hashed is what is loaded."""
_INTERRUPTED = re.compile(r"\.(?P<name>[a-z0-9][a-z0-9_-]*)\.(?P<step>writing|replaced)-\d+")
"""A folder of `write_bundle`, which a crash may leave under this name; the step is that of `_put_in_place`."""


@dataclass(frozen=True)
class Bundle:
    """A model on disk whose every file was found to be the one that was written, with the bytes of its graphs."""

    path: Path
    card: Card
    generator: bytes
    """The ONNX graph: z float32 (N, Z) [and label int64 (N,)] -> images uint8 (N, H, W, C)."""
    encoder: bytes | None = None
    """The ONNX graph back: images [and label] -> z; None where the method has none."""
    reward: bytes | None = None
    """The ONNX graph of the reward model: images [and label] -> grade, deviation; None where there are no grades."""
    directions: bytes | None = None
    """The file of `models.directions`; None where none were measured."""


def find_bundle(name_or_path: str | Path, folder: Path | None = None) -> Path:
    """The folder of a model that is named by its path, or by its name in `$ZOETROPE_MODELS`, by default `models`.

    Args:
        folder: where names are looked up instead.

    Raises:
        BundleMissing: there is neither.
    """
    path = Path(name_or_path)
    if found := with_card(path):
        return found.resolve() if path.name in ("", ".", "..") else found
    folder = folder or Path(os.environ.get("ZOETROPE_MODELS", "models"))
    if path.name == str(name_or_path) and (found := with_card(folder / path)):
        return found
    whole = filter(with_card, bundle_folders(folder)) if folder.is_dir() else ()
    names = ", ".join(map(bundle_name, whole))
    raise BundleMissing(
        path,
        found="no bundle",
        expected=f"a folder with a {CARD}, or a name in {folder}" + (f": {names}" if names else ""),
        advice=f"Pull it from the Hub first: zoetrope pull {name_or_path}" if str(name_or_path)[:3] == "hf:" else "",
    )


def with_card(path: Path) -> Path | None:
    """The folder of this path, or what a crash left of it; None where neither has a card."""
    if (path / CARD).is_file():
        return path
    return None if path.is_dir() or not path.parent.is_dir() else _interrupted(path.parent.iterdir()).get(path.name)


def bundle_name(path: Path) -> str:
    """`<name>` or `<name>@<version>`: the name of the folder, also of one that a crash left under another."""
    interrupted = _INTERRUPTED.fullmatch(path.name)
    return interrupted["name"] if interrupted else path.name


def read_card(path: Path) -> Card:
    """The card of a bundle alone, validated; no digest of another file is checked, so this is quick.

    Raises:
        BundleMissing, BundleDamaged, BundleTooNew: naming the file, what was found and what was expected.
    """
    if os.path.isfile(path):
        raise BundleMissing(
            path,
            found="a file",
            expected=f"a folder with a {CARD}",
            advice="A graph by itself does not say what it draws; `zoetrope export RUN` writes a whole bundle.",
        )
    if not os.path.isdir(path):  # unlike Path.is_dir, never an error
        raise BundleMissing(path, found="no such folder", expected=f"a folder with a {CARD}")
    card, name = parse_card(path / CARD), bundle_name(path)
    if name not in (card.name, f"{card.name}@{card.version}"):
        raise BundleDamaged(
            path, found=f"a card named {card.name!r}, version {card.version}", expected=f"a card named {name!r}"
        )
    for file in REQUIRED:
        if file not in card.files:
            raise BundleDamaged(path / CARD, found=f"no digest of {file}", expected="one in `files`")
    version = version_of(card.files[GENERATOR], card.classes)
    if version != card.version:
        raise BundleDamaged(path / CARD, found=f"version {card.version}", expected=f"{version} for these files")
    return card


def open_bundle(path: Path) -> Bundle:
    """Open a bundle after checking all of it.

    Raises:
        BundleMissing, BundleDamaged, BundleTooNew: naming the file, what was found and what was expected.
    """
    card = read_card(path)
    kept = {name: _checked_file(path / name, expected) for name, expected in card.files.items()}
    return Bundle(path, card, kept[GENERATOR] or b"", kept.get(ENCODER), kept.get(REWARD), kept.get(DIRECTIONS))


@contextmanager
def opened_files(path: Path) -> Iterator[tuple[Card, dict[str, BufferedReader]]]:
    """The card of a bundle, and all of its files by name, `card.json` first: what replaces them meanwhile is not read.

    No digest is checked.

    Raises:
        BundleMissing, BundleDamaged, BundleTooNew: naming the file, what was found and what was expected.
    """
    with ExitStack() as opened:
        file = opened.enter_context(_opened(path / CARD, _LARGEST_CARD, "the card of a bundle"))
        card = decode_card(file.read(_LARGEST_CARD), path / CARD)
        others = {name: opened.enter_context(_opened(path / name, _LARGEST_FILE, "a file")) for name in card.files}
        yield card, {CARD: file, **others}


def bundle_folders(folder: Path) -> list[Path]:
    """Every folder in a folder that should be a bundle, by name.

    Not those that are half written (`.name...`), nor folders of code: caches and packages. Where `write_bundle` was
    killed between its two renames no folder has the name: then the whole one that it left, the new before the old.

    Raises:
        OSError: there is no such folder.
    """
    entries = list(folder.iterdir())
    found = _interrupted(entries)
    for path in entries:
        if path.name[0] not in "._" and os.path.isdir(path) and not os.path.exists(path / "__init__.py"):
            found[path.name] = path
    return [found[name] for name in sorted(found)]


def stray_graphs(folder: Path) -> list[Path]:
    """Graphs that lie next to the bundles, by name: no card says what they draw, so none is served."""
    return sorted(path for path in folder.glob("*.onnx") if path.name[0] not in "._" and path.is_file())


def _interrupted(entries: Iterable[Path]) -> dict[str, Path]:
    """Name -> the folder to take where none has the name; the card is the last file that is written into it."""
    matches = [(match, path) for path in entries if (match := _INTERRUPTED.fullmatch(path.name))]
    whole = [(match["step"] == "writing", _modified_ns(path / CARD), path) for match, path in matches]
    return {bundle_name(path): path for _, modified_ns, path in sorted(whole) if modified_ns}


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def list_bundles(folder: Path) -> list[Path]:
    """The folders of all bundles in a folder, those of older versions (`<name>@<version>`) too, by name; opens none.

    Raises:
        BundleMissing: the folder is not there, holds no bundle, or older versions of one without the current one.
    """
    paths = bundle_folders(folder) if folder.is_dir() else []
    if not paths:
        raise without_bundles(folder)
    names = set(map(bundle_name, paths))
    for name in sorted(names):
        if name.split("@")[0] not in names:
            raise without_current(folder, name)
    return paths


def without_bundles(folder: Path) -> BundleMissing:
    """The error of a folder that is not there, or holds no bundle."""
    if folder.is_dir():
        advice = "Train one: zoetrope fit PICTURES --out models/NAME"
        return BundleMissing(folder, found="no bundle", expected="at least one", advice=advice)
    advice = "Set ZOETROPE_MODELS to one, or train a model: zoetrope fit PICTURES --out models/NAME"
    return BundleMissing(folder, found="no such folder", expected="a folder of bundles", advice=advice)


def without_current(folder: Path, older: str) -> BundleMissing:
    """The error of an older version `<name>@<version>` that has no current one next to it."""
    current = older.split("@")[0]
    return BundleMissing(
        folder / current,
        found=f"only {older}",
        expected="the current version next to it",
        advice=f"Rename {older} to {current}, or export the run again.",
    )


def open_all(folder: Path) -> list[Bundle]:
    """Open every bundle of `list_bundles`, in its order; raises what it and `open_bundle` raise."""
    return [open_bundle(path) for path in list_bundles(folder)]


def parse_card(path: Path) -> Card:
    """The card in a file, validated; `read_card` also checks it against its folder.

    Raises:
        BundleDamaged, BundleTooNew: the file is not a card of a format that this code reads.
    """
    return decode_card(_read(path, _LARGEST_CARD, "the card of a bundle"), path)


def decode_card(data: bytes, path: Path) -> Card:
    """The card in these bytes of a file, at most 1 MiB; raises as `parse_card`."""
    try:
        found = json.loads(data)
        text = json.dumps(upgrade(found) if isinstance(found, dict) else found, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise BundleDamaged(path, found=f"invalid JSON ({error})", expected="a card") from None
    card_format = found.get("format") if isinstance(found, dict) else None
    if isinstance(card_format, int) and card_format > FORMAT:
        raise BundleTooNew(
            path, found=f"format {card_format}", expected=f"{FORMAT} or older", advice="Use a newer Zoetrope."
        )
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the card"
        raise BundleDamaged(
            path, found=f"{where}: {first['msg']}", expected=f"a card of format 1 to {FORMAT}"
        ) from None


def _checked_file(path: Path, expected: str) -> bytes | None:
    """Compare a file with its digest; the bytes of one that is kept, None of another."""
    what = f"a file with SHA-256 {expected[:16]}..."
    if path.name in _LARGEST_KEPT:
        data = _read(path, _LARGEST_KEPT[path.name], what)
        size, found = len(data), hashlib.sha256(data).hexdigest()
    else:
        with _opened(path, _LARGEST_FILE, what) as file:
            data, found, size = None, hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    if found != expected:
        raise BundleDamaged(
            path,
            found=f"{size} bytes with SHA-256 {found[:16]}...",
            expected=f"SHA-256 {expected[:16]}...",
            advice="Truncated or altered: copy the bundle again, or export it again.",
        )
    return data


def _read(path: Path, most_bytes: int, what: str) -> bytes:
    with _opened(path, most_bytes, what) as file:
        return file.read(most_bytes)  # it may grow meanwhile


@contextmanager
def _opened(path: Path, most_bytes: int, what: str) -> Iterator[BufferedReader]:
    """Open a file of a bundle; what is wrong with it is an error of the bundle."""
    try:
        with open_plain(path, most_bytes) as file:
            yield file
    except FileNotFoundError:
        raise BundleMissing(path, found="no such file", expected=what) from None
    except UnsafeFile as error:
        raise BundleDamaged(path, found=error.found, expected=error.expected) from None
    except OSError as error:
        raise BundleDamaged(path, found=f"an error: {error.strerror}", expected=f"{what} that can be read") from None
