"""A collection: pictures of any addresses and several models, drawn model by model and given out as one file.

    schemas -> [collection] -> routes/collect -> batching, encoders/streams

The pictures of one version are one source, so that they are drawn in batches; the
sources are read one after the other. Each picture keeps the number that it had in
the request, in the name of its file and in the recipe. Knows no HTTP.

Letters: N pictures    Z numbers in a code
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.class_weights import ClassRows, Label, PictureClasses
from models.runtime import Runtime
from service.encoders.marks import DIGITAL_SOURCE_TYPE, Marks
from service.latents import AddressRange, address_range, label_numbers, require_drawable
from service.permanent_urls import file_name, path_at
from service.schemas import CollectedPicture


@dataclass(frozen=True)
class AddressList:
    """Pictures of one version of a model, each with an address of its own."""

    pictures: tuple[AddressRange, ...]
    """One picture each."""
    numbers: tuple[int, ...]
    """The place of each in the request, from 1."""
    start: int = 0

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.pictures[0].model

    @property
    def version(self) -> str:
        """Version of the model."""
        return self.pictures[0].version

    @property
    def n(self) -> int:
        """Number of pictures."""
        return len(self.pictures)

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], ClassRows | None]:
        """(count, Z) codes, and the classes."""
        some = self.pictures[at : at + count]
        codes_NZ = np.concatenate([one.codes(runtime, 0, 1)[0] for one in some])
        labels = [one.classes.label_at(0) for one in some if one.classes is not None]
        classes = PictureClasses.of(labels, len(some), len(runtime.class_names))[:] if labels else None
        return codes_NZ, classes

    def metadata(self) -> dict[str, Any]:
        """The model."""
        return {"model": self.model, "version": self.version}

    def metadata_of(self, at: int) -> dict[str, Any]:
        """The address of picture `at`, counted from 0."""
        return self.pictures[at].metadata_of(0)


@dataclass(frozen=True)
class Collection:
    """The pictures of a request, by the model that draws them."""

    parts: tuple[tuple[Runtime, AddressList], ...]
    has_marks: bool

    @property
    def names(self) -> list[str]:
        """File names, in the order in which the pictures are drawn: `001-mnist-7-3.png`."""
        return [f"{number:03d}-{file_name(one, 'png')}" for _, number, one in self._drawn]

    @property
    def marks(self) -> list[bytes]:
        """Packets, in the same order; empty ones where a setting turns them off."""
        return [Marks(one, runtime.engine).of_picture(0) if self.has_marks else b"" for runtime, _, one in self._drawn]

    def recipe(self) -> bytes:
        """What draws each picture again, as JSON, in the order of the request."""
        in_order = sorted(zip(self._drawn, self.names, strict=True), key=lambda pair: pair[0][1])
        listed = [
            {"file": name, **one.metadata(), "engine": runtime.engine, **one.metadata_of(0), "path": path_at(one, 0)}
            for (runtime, _, one), name in in_order
        ]
        source_type = {"digital_source_type": DIGITAL_SOURCE_TYPE} if self.has_marks else {}
        return json.dumps({**source_type, "n": len(listed), "pictures": listed}, indent=2).encode()

    @property
    def _drawn(self) -> list[tuple[Runtime, int, AddressRange]]:
        return [
            (runtime, number, one)
            for runtime, source in self.parts
            for number, one in zip(source.numbers, source.pictures, strict=True)
        ]


def collected(pictures: Sequence[CollectedPicture], runtimes: Sequence[Runtime], has_marks: bool) -> Collection:
    """The pictures of a request.

    Args:
        runtimes: what draws each.
        has_marks: whether files say that they are synthetic.

    Raises:
        Problem: 422, a class that the model does not have.
    """
    found: dict[Runtime, list[tuple[int, AddressRange]]] = {}
    for number, (picture, runtime) in enumerate(zip(pictures, runtimes, strict=True), 1):
        label: Label | list[Label] | None = label_numbers(picture.label, runtime.card)
        source = address_range(runtime.card, picture.seed, picture.index, 1, label, picture.truncation)
        require_drawable(source.classes, runtime)
        found.setdefault(runtime, []).append((number, source))
    parts = tuple(
        (runtime, AddressList(tuple(one for _, one in some), tuple(number for number, _ in some)))
        for runtime, some in found.items()
    )
    return Collection(parts, has_marks)
