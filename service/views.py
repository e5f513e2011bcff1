"""What the page of a picture, of a sheet and of an interpolation says: words, files, previews and places to go on to.

    routes/view -> [views] -> view_page

All of it follows from an address and a card; nothing is drawn. Paths are relative
to the root of the service. Knows no request.
"""

import math
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from models.card import ImageShape
from models.codes import ADDRESS_END
from models.runtime import Runtime
from models.sheet import sheet_size
from service.enlargement import Scaling, enlargement_to
from service.formats import AnimationFormat, Format, MediaFormat
from service.latents import AddressRange, address_range, label_numbers
from service.permanent_urls import (
    canonical_query,
    file_name,
    interpolation_path,
    interpolation_view_path,
    picture_path,
    sheet_path,
    shortest_decimal,
    size_query,
    spelled,
    view_path,
    with_query,
)
from service.query_schemas import LARGEST_MOVING_PIXELS, MOVING_SIZES_PIXELS, SIZES_PIXELS
from service.schemas import LARGEST_STRIP_N, InterpolateRequest, Point
from service.view_page import File, Html, Preview, Row, View, fill, image, joined, link, moving, sheet

Pairs = list[tuple[str, str]]
_SHOWN_PIXELS, _PREVIEW_PIXELS = SIZES_PIXELS
_SMALL, _LARGE = MOVING_SIZES_PIXELS
_SCALINGS: tuple[Scaling, ...] = ("nearest", "smooth")
_NAMES: dict[MediaFormat, str] = {Format.JPEG: "JPEG", Format.WEBP: "WebP", AnimationFormat.GIF: "GIF"}
_STILL_FRAMES = 8
"""Of the strip that stands in for an animation where less motion is wanted."""
_ALWAYS = "The same address is the same picture, always."
_NEEDS_KEY = "Drawing needs a key here: the picture is shown to those who have entered theirs in the studio."


@dataclass(frozen=True)
class Place:
    """Where a page is.

    Args:
        runtime: draws what it shows.
        query: names and values of the page's query, in its one spelling.
        root: path prefix of the service.
        needs_key: whether drawing needs a key.
    """

    runtime: Runtime
    query: Pairs
    root: str
    needs_key: bool

    @property
    def shape(self) -> ImageShape:
        """Of one picture."""
        return self.runtime.card.image

    @property
    def model(self) -> str:
        """`name@version`: what is here now may be replaced, and a page stays."""
        return f"{self.runtime.card.name}@{self.runtime.card.version}"

    @property
    def drawn_by(self) -> str:
        """In words."""
        return f"Drawn by {self.runtime.card.name}, version {self.runtime.card.version}"

    @property
    def about_model(self) -> tuple[str, str]:
        """Words and path."""
        return "About the model", f"models/{self.model}"

    @property
    def note(self) -> str:
        """Why there may be no picture."""
        return _NEEDS_KEY if self.needs_key else ""

    def rows(self) -> list[Row]:
        """The model and its version."""
        card = self.runtime.card
        return [("Model", link(card.name, f"{self.root}/models/{self.model}")), ("Version", card.version)]

    def studio(self, view: str, query: Pairs) -> str:
        """A view of the studio, at a place."""
        return f"#{view}?{urlencode([('model', self.model), *query], quote_via=quote, safe='/')}"


def of_picture(place: Place, source: AddressRange) -> View:
    """The page of one picture."""
    size, path = (place.shape.height, place.shape.width), picture_path(source, 0)
    title = f"Picture {source.start} of seed {source.seed}"
    shown = _enlarged(path, place.query, _SHOWN_PIXELS, size)
    acts = [("Open in the studio", _in_studio(place, source))]
    if source.start + 1 < ADDRESS_END:
        after = f"{view_path(source).rpartition('/')[0]}/{source.start + 1}"
        acts.append(("Next picture", with_query(after, place.query)))
    other_formats = [
        File(_NAMES[one], with_query(picture_path(source, 0, one.suffix), place.query), file_name(source, one.suffix))
        for one in (Format.JPEG, Format.WEBP)
    ]
    return View(
        title=f"{title}, {source.model}",
        description=f"{place.drawn_by}{_described(source)}. {_ALWAYS}",
        place=with_query(view_path(source), place.query),
        shown=image(f"{place.root}/{shown.path}", shown.size, title),
        preview=_enlarged(path, place.query, _PREVIEW_PIXELS, size),
        rows=[
            *place.rows(),
            ("Seed", source.seed),
            ("Index", source.start),
            *_class_row(source),
            ("Truncation", f"{source.truncation:g}"),
            ("Pixels", f"{size[1]} x {size[0]}"),
        ],
        acts=[*acts, place.about_model],
        files=[*_files(source, path, place.query, size), *other_formats],
        note=place.note,
    )


def of_sheet(place: Place, source: AddressRange) -> View:
    """The page of a contact sheet."""
    shape, path = (place.shape.height, place.shape.width), sheet_path(source)
    size, last = sheet_size(source.n, *shape), source.start + source.n - 1
    title, parent = f"{source.n} pictures of seed {source.seed}", view_path(source).rsplit("/", 2)[0]
    is_mixed = any(name == "classes" for name, _ in place.query)  # the studio's sheets have whole classes
    here = place.studio("look", [("seed", str(source.seed)), *place.query])
    acts = [] if is_mixed else [("Open in the studio", here)]
    if last + source.n < ADDRESS_END:
        acts.append(("Next sheet", with_query(f"{parent}/{last + 1}/{source.n}", place.query)))
    links = [
        (f"Picture {index}", f"{place.root}/{with_query(f'{parent}/{index}', place.query)}")
        for index in range(source.start, last + 1)
    ]
    requested = source.requested is not None
    return View(
        title=f"{title}, {source.model}",
        description=f"{place.drawn_by}{_described(source, requested)}: index {source.start} to {last}. {_ALWAYS}",
        place=with_query(view_path(source), place.query),
        shown=sheet(f"{place.root}/{with_query(path, place.query)}", shape, links, title),
        preview=_enlarged(path, place.query, _PREVIEW_PIXELS, size),
        rows=[
            *place.rows(),
            ("Seed", source.seed),
            ("Indices", f"{source.start} to {last}"),
            *(_class_row(source) if requested else []),
            ("Truncation", f"{source.truncation:g}"),
        ],
        acts=[*acts, place.about_model],
        files=_files(source, path, place.query, size),
        note=place.note,
    )


def of_interpolation(place: Place, body: InterpolateRequest, seconds: float) -> View:
    """The page of an interpolation."""
    card, frames = place.runtime.card, body.frames
    title = f"A walk past {len(body.points)} pictures, {card.name}"
    points, spacing, loop = ([pair for pair in place.query if pair[0] == name] for name in ("at", "spacing", "loop"))
    shown, preview = (_moving(place, frames, one, most) for one, most in (("webp", _LARGE), ("gif", _SMALL)))
    path = interpolation_path(card.name, card.version, "png")
    still = with_query(path, [*points, ("frames", str(_STILL_FRAMES)), *spacing, *loop])
    passed = joined([fill("<li>{point}</li>", point=_point(place, one)) for one in body.points])
    walk = place.studio("walk", [*points, *([] if body.loop else [("loop", "no")])])
    walkable = all(one.code is None and not isinstance(one.label, dict) for one in body.points)
    return View(
        title=title,
        description=f"{place.drawn_by}: from picture to picture in {frames} frames.",
        place=with_query(interpolation_view_path(card.name, card.version), place.query),
        shown=moving(f"{place.root}/{shown.path}", f"{place.root}/{still}", shown.size, title),
        preview=preview,
        rows=[
            *place.rows(),
            ("Frames", frames),
            ("Seconds", f"{seconds:g}"),
            ("Returns to the first", "yes" if body.loop else "no"),
        ],
        acts=[*([("Walk in the studio", walk)] if walkable else []), place.about_model],
        files=_moving_files(place, frames),
        note=place.note,
        more=fill("<h2>Pictures on the way</h2><ol>{passed}</ol>", passed=passed),
    )


def _in_studio(place: Place, source: AddressRange) -> str:
    """Where the studio shows a picture: one of several classes on its instrument, which mixes them."""
    weights = [value for name, value in place.query if name == "classes"]
    if not weights:
        return place.studio("look", [("seed", str(source.seed)), *place.query, ("index", str(source.start))])
    truncation = "" if source.truncation == 1 else f"/{shortest_decimal(source.truncation)}"
    return place.studio("play", [("at", f"{source.seed}/{source.start}{truncation}"), ("mix", weights[0])])


def _enlarged(path: str, query: Pairs, pixels: int, size: tuple[int, int], scaling: Scaling = "nearest") -> Preview:
    """A PNG with about so many pixels on its longest side."""
    enlargement = enlargement_to(pixels, scaling, *size)
    return Preview(with_query(path, query + size_query(pixels, enlargement)), enlargement.size(*size), "image/png")


def _files(source: AddressRange, path: str, query: Pairs, size: tuple[int, int]) -> list[File]:
    """PNGs: as it is drawn, and each enlargement that there is."""
    files = [File("PNG", with_query(path, query), file_name(source, "png"))]
    for scaling in _SCALINGS:
        for pixels in SIZES_PIXELS:
            enlargement, found = enlargement_to(pixels, scaling, *size), _enlarged(path, query, pixels, size, scaling)
            if found.size != size:
                words = f"PNG, {max(found.size):,} pixels{', smooth' * (scaling == 'smooth')}"
                files.append(File(words, found.path, file_name(source, "png", *enlargement.named(*size))))
    return files


def _moving(place: Place, frames: int, suffix: str, largest: int) -> Preview:
    """The animation at the largest size that it may have."""
    card, shape = place.runtime.card, (place.shape.height, place.shape.width)
    path = interpolation_path(card.name, card.version, suffix)
    for pixels in sorted(MOVING_SIZES_PIXELS, reverse=True):
        enlargement = enlargement_to(pixels, "nearest", *shape)
        if pixels <= largest and frames * math.prod(enlargement.size(*shape)) <= LARGEST_MOVING_PIXELS:
            query = place.query + size_query(pixels, enlargement)
            return Preview(with_query(path, query), enlargement.size(*shape), f"image/{suffix}")
    return Preview(with_query(path, place.query), shape, f"image/{suffix}")


def _moving_files(place: Place, frames: int) -> list[File]:
    """WebP and GIF, as it is drawn and as large as may be; the strip where it is short enough."""
    card, shape = place.runtime.card, (place.shape.height, place.shape.width)
    files = []
    for one in AnimationFormat:
        path, saved = interpolation_path(card.name, card.version, one.suffix), f"{card.name}-walk"
        if one is not AnimationFormat.PNG:
            files.append(File(_NAMES[one], with_query(path, place.query), f"{saved}.{one.suffix}"))
            found = _moving(place, frames, one.suffix, _LARGE)
            if found.size != shape:
                name = f"{_NAMES[one]}, {max(found.size):,} pixels"
                files.append(File(name, found.path, f"{saved}-{max(found.size)}.{one.suffix}"))
        elif frames <= LARGEST_STRIP_N:
            files.append(File("PNG, a strip", with_query(path, place.query), f"{saved}.png"))
    return files


def _point(place: Place, point: Point) -> Html:
    """A point in words, and where its own page is."""
    card = place.runtime.card
    label = label_numbers(point.label, card)
    assert not isinstance(label, list)
    if point.code is not None or point.seed is None:
        named = "" if label is None else f", {_in_words(address_range(card, 0, 0, 1, label, 1.0))}"
        return fill("{words}", words=f"A code of {card.code_size} numbers{named}")
    source = address_range(card, point.seed, point.index, 1, label, point.truncation)
    query = canonical_query(spelled(label, place.runtime.class_names), point.truncation)
    words = f"Picture {point.index} of seed {point.seed}{_described(source)}"
    return link(words, f"{place.root}/{with_query(view_path(source), query)}")


def _class_row(source: AddressRange) -> list[Row]:
    return [("Class", words)] if (words := _in_words(source)) else []


def _described(source: AddressRange, with_class: bool = True) -> str:
    """The class, and the truncation where there is one."""
    words = _in_words(source) if with_class else ""
    return (f", class {words}" if words else "") + (
        f", truncation {source.truncation:g}" if source.truncation != 1 else ""
    )


def _in_words(source: AddressRange) -> str:
    """The class of the first picture, or its weights; empty where the model has none."""
    label = source.metadata_of(0).get("label")
    if isinstance(label, dict):
        return " and ".join(f"{100 * weight:g} % {name}" for name, weight in label.items())
    return "" if label is None else str(label)
