"""Marks: what a file says of its pictures: that they are synthetic, and by what recipe they are drawn again.

    latents -> [marks] -> raster, streams          a stranger's file -> [marks] -> verification

A mark is an XMP packet [XMP], not compressed, that any reader of pictures finds:
IPTC's `DigitalSourceType` for a picture of a trained algorithm, and the recipe as
attributes of a namespace of ours. No pixel changes. Pictures of codes that a
client sent, and frames between addresses, have no address: their marks name the
model alone. Knows file formats by what Pillow reads of them; `raster` and
`streams` know where a packet stands in a file.

Papers:
    [XMP]   Extensible Metadata Platform (XMP) Specification: Part 1 and 3, Adobe 2020.
    [IPTC]  IPTC Photo Metadata Standard 2025.1, Digital Source Type.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from service.enlargement import AS_DRAWN, Enlargement
from service.latents import AddressRange, LatentSource

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""[IPTC]: made by an algorithm that was trained on pictures."""
MARKS_REVISION = 1
"""Raised whenever this file writes another packet for the same pictures."""
RECIPE_FILE = "recipe.json"
LARGEST_PACKET_BYTES = 65_536
"""Of a stranger's packet that is read at all."""

_RECIPE = "urn:zoetrope:recipe:1"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_BEFORE = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about="" '
    f'xmlns:Iptc4xmpExt="{_IPTC}" xmlns:zoetrope="{_RECIPE}" Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}"'
)
_AFTER = b"/></rdf:RDF></x:xmpmeta>"


@dataclass(frozen=True)
class Recipe:
    """What a mark says: what drew the pictures, and their address where they have one."""

    model: str
    version: str
    engine: str
    seed: int | None = None
    """None for pictures without an address."""
    index: int = 0
    """Of the first picture."""
    n: int = 1
    """Pictures that the file shows."""
    classes: str | None = None
    """The class by number, or its weights: `3`, `3:500,8:500`. None where the model has no classes, and of a sheet
    whose classes were drawn; `mixed` of one whose pictures were given a class each."""
    truncation: float = 1.0
    times: int = 1
    """Each pixel is repeated so often, to the right and downwards; a mark that does not say so means 1."""
    smooth: str | None = None
    """`512x512`, width first: Lanczos resampling brought it to this size. None: it is not smoothed."""

    @property
    def enlargement(self) -> Enlargement:
        """What `times` and `smooth` say.

        Raises:
            ValueError: there is no such enlargement.
        """
        return Enlargement.of(self.times, self.smooth)


@dataclass(frozen=True)
class Marks:
    """The marks of all pictures of a source.

    Args:
        source: which pictures.
        engine: what draws them, with its version and precision.
        enlargement: of each file.
    """

    source: LatentSource
    engine: str
    enlargement: Enlargement = AS_DRAWN

    def of_picture(self, at: int) -> bytes:
        """The packet of picture `at`, counted from 0."""
        source = self.source
        if not isinstance(source, AddressRange):
            return self._shared + _AFTER
        address = f' zoetrope:index="{source.start + at}"' + self._enlarged
        if source.classes is not None:
            address += f' zoetrope:classes="{source.classes.label_at(at)}"'
        return self._shared + address.encode() + _AFTER

    def of_file(self) -> bytes:
        """The packet of one picture, or of the sheet of all of them, which names its range."""
        source = self.source
        if source.n == 1:
            return self.of_picture(0)
        address = ""
        if isinstance(source, AddressRange):
            address = f' zoetrope:index="{source.start}"' + self._enlarged
            address += "" if source.requested is None else f' zoetrope:classes="{source.requested}"'
        return self._shared + f'{address} zoetrope:n="{source.n}"'.encode() + _AFTER

    def fields(self) -> dict[str, Any]:
        """The same for all pictures as members of a JSON object."""
        members = {"digital_source_type": DIGITAL_SOURCE_TYPE, **self.source.metadata(), "engine": self.engine}
        if isinstance(self.source, AddressRange):
            members |= {"start": self.source.start, "n": self.source.n, "truncation": self.source.truncation}
            members |= {} if self.source.requested is None else {"classes": self.source.requested}
        return members

    def recipe_file(self) -> bytes:
        """The same as a file next to many pictures, in a zip or a folder."""
        return json.dumps(self.fields(), indent=2).encode()

    @property
    def _enlarged(self) -> str:
        times, smooth = self.enlargement.times, self.enlargement.smooth
        return f' zoetrope:times="{times}"' if times > 1 else f' zoetrope:smooth="{smooth}"' if smooth else ""

    @cached_property
    def _shared(self) -> bytes:
        """The beginning of every packet."""
        source = self.source
        values: dict[str, object] = {"model": source.model, "version": source.version, "engine": self.engine}
        if isinstance(source, AddressRange):
            values["seed"] = source.seed
            if source.truncation != 1:
                values["truncation"] = np.format_float_positional(abs(source.truncation), trim="-")
        attributes = "".join(f" zoetrope:{name}={quoteattr(str(value))}" for name, value in values.items())
        return (_BEFORE + attributes).encode()


def read_recipe(packet: bytes) -> Recipe | None:
    """The recipe in a stranger's XMP packet; None where there is none of ours, or one that cannot be read."""
    if len(packet) > LARGEST_PACKET_BYTES or b"<!" in packet:  # no document type: entities could grow without bound
        return None
    try:
        found = ElementTree.fromstring(packet.strip(b"\0 \r\n\t")).iter(f"{{{_RDF}}}Description")
        values = {
            name.removeprefix(f"{{{_RECIPE}}}"): value
            for description in found
            for name, value in description.attrib.items()
            if name.startswith(f"{{{_RECIPE}}}")
        }
        return _recipe(values) if values else None
    except (ElementTree.ParseError, KeyError, ValueError):
        return None


def _recipe(values: dict[str, str]) -> Recipe:
    """Raises KeyError or ValueError where an attribute is missing or is no number."""
    seed = values.get("seed")
    return Recipe(
        model=values["model"],
        version=values["version"],
        engine=values["engine"],
        seed=None if seed is None else int(seed),
        index=int(values.get("index", 0)),
        n=int(values.get("n", 1)),
        classes=values.get("classes"),
        truncation=float(values.get("truncation", 1)),
        times=int(values.get("times", 1)),
        smooth=values.get("smooth"),
    )
