"""Decoded pictures on disk: the second reading of a source takes no time.

    decode, splits -> [cache] -> runs/pictures.cache/<key>/ -> dataset

    train.npy, test.npy   (N, H, W, C) uint8, opened by mmap
    facts.json            of each part: labels, classes, what was skipped, notes, SHA-256 of the pixels

The key is a SHA-256 over all that decides the pixels: the files, the shape, and
the code that decodes. What is not as it was written is decoded again, with a note.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from models.files import sync_folder, write_synced
from training.data.decode import DECODER, Decoded, Skipped
from training.data.shape import Shape
from training.data.sources import Encoded
from training.data.splits import Part

CACHE = Path("runs/pictures.cache")
"""Next to the runs; may be deleted at any time."""
FEWEST_TO_KEEP = 1000
"""Fewer files are decoded in a moment, and are not cached."""

Parts = Mapping[Part, Decoded]


class _Damaged(Exception):
    pass


def key_of(source: Encoded, shape: Shape) -> str:
    """SHA-256 in hex."""
    versions = (DECODER, PIL.__version__, np.__version__)
    return hashlib.sha256(repr((versions, shape, source.is_part, source.stamp)).encode()).hexdigest()


def read_cached(folder: Path, key: str, part: Part, make: Callable[[], Parts]) -> Decoded | None:
    """One part of a data set, from the cache; made and kept first, where it is not there or not whole.

    Returns:
        None where the data set has no such part.
    """
    place, notes = folder / key, []
    if place.exists():
        try:
            return _open(place, part)
        except _Damaged as damage:
            notes.append(f"{place} was damaged ({damage}) and was decoded again")
    parts = make()
    try:
        _write(place, parts)
        made = _open(place, part)
    except (OSError, _Damaged) as error:
        made = parts.get(part)
        notes.append(f"could not keep what was decoded ({error}); the next reading will take as long")
    return made and replace(made, notes=(*made.notes, *notes))


def _open(place: Path, part: Part) -> Decoded | None:
    try:
        facts = json.loads((place / "facts.json").read_text())["parts"]
        if part not in facts:
            return None
        # Copy on write: torch takes no array that cannot be written to, and the file stays as it is.
        images = np.asarray(np.load(place / f"{part}.npy", mmap_mode="c"))
        return _checked(images, facts[part])
    except _Damaged:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise _Damaged(f"{type(error).__name__}: {error}") from None


def _checked(images: np.ndarray, facts: dict[str, Any]) -> Decoded:
    decoded = Decoded(
        images,
        None if facts["labels"] is None else np.array(facts["labels"], np.int64),
        None if facts["classes"] is None else tuple(facts["classes"]),
        tuple(Skipped(**one) for one in facts["skipped"]),
        tuple(facts["notes"]),
    )
    found = decoded.pixels_sha256.hexdigest()
    if found != facts["pixels_sha256"]:
        raise _Damaged(f"found pixels {found[:16]}, expected {facts['pixels_sha256'][:16]}")
    if decoded.labels is not None and len(decoded.labels) != len(images):
        raise _Damaged(f"found {len(decoded.labels)} labels of {len(images)} pictures")
    return decoded


def _write(place: Path, parts: Parts) -> None:
    """Whole or not at all; of two who write the same, the last one stays."""
    place.parent.mkdir(parents=True, exist_ok=True)
    writing = Path(tempfile.mkdtemp(prefix=".writing-", dir=place.parent))
    try:
        for part, decoded in parts.items():
            np.save(writing / f"{part}.npy", decoded.images)
        facts = {part: _facts(decoded) for part, decoded in parts.items()}
        write_synced(writing / "facts.json", json.dumps({"parts": facts}).encode())
        shutil.rmtree(place, ignore_errors=True)
        os.rename(writing, place)
        sync_folder(place.parent)
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def _facts(decoded: Decoded) -> dict[str, Any]:
    return {
        "pixels_sha256": decoded.pixels_sha256.hexdigest(),
        "labels": None if decoded.labels is None else decoded.labels.tolist(),
        "classes": decoded.classes,
        "skipped": [asdict(one) for one in decoded.skipped],
        "notes": decoded.notes,
    }
