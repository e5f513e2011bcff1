"""An index of training pictures as one file: opened unaltered, mapped into memory, or refused in a sentence.

    training/evaluation/index_writer -> [picture_index] -> nearest_pictures -> service/training_pictures

The file is a safetensors file: eight bytes that say how long the header is, the
header in JSON, and three arrays without a gap: `features` float32 (N, F), `unseen`
float32 (M,) and `pictures` uint8 (N, h, w, C). The one entry of its metadata names
the pictures by the digest that is in the cards of their models, so an index serves
every model, and every version, that has learned from them.

A file may come from strangers: nothing is unpickled, sizes are compared with the
length of the file before anything is read by them, and a library that reads headers
is not needed. Pages of the file are read when they are needed, and shared by all
processes that map it: replace it by renaming another one, never in place.

Letters: N pictures    h, w, C of a thumbnail    F features    M unseen pictures
"""

import hashlib
import json
import math
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydantic import Field, ValidationError

from models.card import Card, ImageShape
from models.errors import IndexDamaged
from models.files import UnsafeFile, open_plain, replacing
from models.nearest_pictures import (
    PictureSet,
    UnseenDistances,
    feature_count,
    features_of,
    thumbnail_size,
)
from models.scores import Sha256, Strict

FORMAT = 1
MOST_UNSEEN = 10_000
LARGEST_BYTES = 1 << 33
"""8 GiB: 600,000 photos of 64 x 64. An index that is larger would be searched for seconds."""
_LARGEST_HEADER = 1 << 16
_LENGTH_BYTES, _ALIGNED = 8, 64
_ENTRY = "picture_index"
_PIECE_BYTES = 1 << 20
_SAMPLED = 64
"""Pictures whose features are computed again."""
_ROUNDING_LEVELS = 0.05


class IndexFacts(Strict):
    """What an index says of its pictures."""

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT, description="Version of the format of the file.")
    data: str = Field(max_length=1_000, description="What the pictures are called, as in the card.")
    data_digest: Sha256 = Field(description="`training.data_digest` of the cards of models that learned from them.")
    image: ImageShape = Field(description="Of the pictures; the index holds thumbnails of them.")
    mirror: bool = Field(description="Whether they were learned from as mirror images, too.")


@dataclass(frozen=True)
class PictureIndex:
    """Training pictures, ready to be searched."""

    facts: IndexFacts
    pictures: PictureSet
    unseen: UnseenDistances

    def fits(self, card: Card) -> bool:
        """Whether a model has learned from these pictures, and draws such."""
        return self.facts.data_digest == card.training.data_digest and self.facts.image == card.image


def write_index(
    path: Path, facts: IndexFacts, thumbnails_NhwC: NDArray[np.uint8], unseen_M: NDArray[np.float32]
) -> None:
    """Write an index atomically.

    Args:
        path: its folder must exist.
        thumbnails_NhwC: of `nearest_pictures.thumbnails`.
        unseen_M: distances to the nearest of them, in levels, in any order.

    Raises:
        ValueError: it would be larger than 8 GiB.
        OSError: the folder cannot be written to; an older index is as it was.
    """
    features_NF = np.concatenate([features_of(some) for some in _chunks(thumbnails_NhwC)])
    arrays: dict[str, NDArray[Any]] = {
        "features": features_NF.astype("<f4"),
        "unseen": np.sort(unseen_M).astype("<f4"),
        "pictures": np.ascontiguousarray(thumbnails_NhwC),
    }
    if sum(array.nbytes for array in arrays.values()) + _LARGEST_HEADER > LARGEST_BYTES:
        raise ValueError(f"found {len(thumbnails_NhwC):,} pictures, too many for an index of {LARGEST_BYTES:,} bytes")
    header = _encode_header(facts, arrays)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(_LENGTH_BYTES, "little") + header)
        for array in arrays.values():
            file.write(array.data)


def _chunks(thumbnails_NhwC: NDArray[np.uint8], size: int = 512) -> list[NDArray[np.uint8]]:
    return [thumbnails_NhwC[at : at + size] for at in range(0, len(thumbnails_NhwC), size)]


def _encode_header(facts: IndexFacts, arrays: dict[str, NDArray[Any]]) -> bytes:
    """Padded with spaces, so that arrays begin at whole numbers."""
    stated = {**facts.model_dump(mode="json"), "sha256": _digest_of([*arrays.values()])}
    header: dict[str, Any] = {"__metadata__": {_ENTRY: json.dumps(stated, sort_keys=True)}}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        dtype = "U8" if array.dtype == np.uint8 else "F32"
        header[name] = {"dtype": dtype, "shape": [*array.shape], "data_offsets": [begin, end]}
    data = json.dumps(header).encode()
    return data + b" " * (-(len(data) + _LENGTH_BYTES) % _ALIGNED)


def _digest_of(arrays: list[NDArray[Any]]) -> str:
    """SHA-256 over the bytes of all, a piece at a time."""
    digest = hashlib.sha256()
    for array in arrays:
        flat = array.reshape(-1).view(np.uint8)
        for at in range(0, len(flat), _PIECE_BYTES):
            digest.update(flat[at : at + _PIECE_BYTES].data)
    return digest.hexdigest()


def open_index(path: Path) -> PictureIndex:
    """Open an index after checking all of it; it reads the file once.

    Raises:
        IndexDamaged: there is no such file, or it is another one: says what was found and what was expected.
    """
    try:
        with open_plain(path.resolve(), LARGEST_BYTES) as file:
            return _opened(file, path)
    except UnsafeFile as error:
        raise IndexDamaged(path, found=error.found, expected=f"{error.expected}, an index of pictures") from None
    except FileNotFoundError:
        raise IndexDamaged(path, found="no such file", expected="an index of training pictures") from None
    except OSError as error:
        raise IndexDamaged(path, found=error.strerror or type(error).__name__, expected="a file to read") from None


def _opened(file: BufferedReader, path: Path) -> PictureIndex:
    try:
        begin, header = _read_header(file)
        facts, digest = _parse_facts(header)
        arrays = _mapped(file, header, begin, facts)
        _check_values(arrays, digest)
    except _Wrong as error:
        raise IndexDamaged(path, found=error.found, expected=error.expected) from None
    features_NF, unseen_M, pictures_NhwC = arrays
    return PictureIndex(facts, PictureSet(pictures_NhwC, features_NF), UnseenDistances(unseen_M))


class _Wrong(Exception):
    """What is wrong with a file."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found, expected)
        self.found, self.expected = found, expected


def _read_header(file: BufferedReader) -> tuple[int, dict[str, Any]]:
    """Where the arrays begin, and what the header says."""
    expected = "an index of training pictures, of `zoetrope evaluate --index`"
    stated = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if not 2 <= stated <= _LARGEST_HEADER:
        raise _Wrong("a file of another kind", expected)
    data = file.read(stated)
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise _Wrong("a file of another kind" if len(data) == stated else "a file that is cut off", expected) from None
    if not isinstance(header, dict) or set(header) != {"__metadata__", *_LAYOUT}:
        raise _Wrong("a file of another kind", expected)
    return _LENGTH_BYTES + stated, header


_LAYOUT: dict[str, tuple[str, DTypeLike]] = {
    "features": ("F32", np.dtype("<f4")),
    "unseen": ("F32", np.dtype("<f4")),
    "pictures": ("U8", np.dtype(np.uint8)),
}
"""Name -> how the header calls the type of its numbers, and how numpy does; in the order of the file."""


def _parse_facts(header: dict[str, Any]) -> tuple[IndexFacts, str]:
    """What is said of the pictures, and the digest of the arrays."""
    metadata = header["__metadata__"]
    try:
        stated = json.loads(metadata[_ENTRY])
        found, digest = stated.get("format"), stated.pop("sha256")
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError):
        raise _Wrong("a file of another kind", "an index of training pictures") from None
    if isinstance(found, int) and found > FORMAT:
        raise _Wrong(f"format {found}", f"{FORMAT} or older; use a newer Zoetrope")
    try:
        return IndexFacts.model_validate(stated), str(digest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:80]
        raise _Wrong(f"wrong facts ({place}: {first['msg']})", "those of `zoetrope evaluate --index`") from None


def _mapped(file: BufferedReader, header: dict[str, Any], begin: int, facts: IndexFacts) -> list[NDArray[Any]]:
    """The arrays of the file, of which nothing has been read yet; in the order of `_LAYOUT`."""
    shapes = [_shape_of(header[name], *_LAYOUT[name]) for name in _LAYOUT]
    count, unseen, channels = shapes[0][0], shapes[1][0], facts.image.channels
    height, width = thumbnail_size(facts.image.height, facts.image.width)
    expected = [(count, feature_count(height, width, channels)), (unseen,), (count, height, width, channels)]
    if shapes != expected or count < 1 or not 1 <= unseen <= MOST_UNSEEN:
        raise _Wrong(f"arrays of {shapes}"[:200], f"{expected}"[:200])
    arrays, at = [], begin
    for name, shape in zip(_LAYOUT, shapes, strict=True):
        dtype = np.dtype(_LAYOUT[name][1])
        end = at + math.prod(shape) * dtype.itemsize
        if header[name]["data_offsets"] != [at - begin, end - begin]:
            raise _Wrong(f"{name} at {header[name]['data_offsets']}"[:200], f"[{at - begin}, {end - begin}]")
        arrays.append((at, dtype, shape))
        at = end
    if (size := file.seek(0, 2)) != at:
        raise _Wrong(f"{size:,} bytes", f"{at:,} by its header: it is cut off or altered")
    return [np.asarray(np.memmap(file, dtype, "r", begins, shape)) for begins, dtype, shape in arrays]


def _shape_of(stated: object, name: str, _: DTypeLike) -> tuple[int, ...]:
    """The shape of an array by the header."""
    if not isinstance(stated, dict) or set(stated) != {"dtype", "shape", "data_offsets"} or stated["dtype"] != name:
        raise _Wrong("an array of another type", f"numbers of type {name}, with their shape and offsets")
    shape = stated["shape"]
    is_shape = isinstance(shape, list) and 1 <= len(shape) <= 4
    if not is_shape or not all(type(one) is int and 0 <= one <= LARGEST_BYTES for one in shape):
        raise _Wrong(f"the shape {shape}"[:200], "up to four whole numbers")
    return tuple(cast(list[int], shape))


def _check_values(arrays: list[NDArray[Any]], digest: str) -> None:
    """The bytes are those that were written, and make an index that can be searched."""
    features_NF, unseen_M, pictures_NhwC = arrays
    if (found := _digest_of(arrays)) != digest:
        raise _Wrong(f"pictures with SHA-256 {found[:16]}...", f"{digest[:16]}... by its header: it was altered")
    if not (np.isfinite(unseen_M).all() and unseen_M[0] >= 0 and (np.diff(unseen_M) >= 0).all()):
        raise _Wrong("distances of unseen pictures that are not ascending", "numbers of 0 or more, the least first")
    count = len(pictures_NhwC)
    sampled = np.linspace(0, count - 1, min(count, _SAMPLED)).astype(np.int64)
    apart = np.abs(features_of(pictures_NhwC[sampled]) - features_NF[sampled]).max()
    if not (apart <= _ROUNDING_LEVELS and np.isfinite(features_NF).all()):
        raise _Wrong("features that are not those of its pictures", "an index as `zoetrope evaluate` writes it")
