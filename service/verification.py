"""Verification: is this picture ours? Its recipe is drawn again, and every pixel is compared.

    upload -> [verification] (address, comparison, verdict) -> routes/verify, the command `verify`

A picture is a pure function of its address, so a mark can be proved, and a mark
that was copied onto another picture is found out. Engines and processors differ
by a few levels: how many are allowed follows from what the card measured of their
precisions. Draws nothing itself: callers have the queue, or a runtime.

Letters: N pictures    H, W, C of a picture
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Resampling

from models.card import Card
from models.class_weights import Label, parse_weights
from models.codes import ADDRESS_END
from models.errors import AddressError
from models.fidelity import psnr_db
from models.sheet import as_picture, contact_sheet, sheet_size
from service.encoders import encode_picture
from service.encoders.marks import Recipe
from service.enlargement import AS_DRAWN, Enlargement, enlargement_to
from service.errors import Problem, cut
from service.formats import Format
from service.latents import MIXED, AddressRange, address_range
from service.query_schemas import SIZES_PIXELS
from service.schemas import LARGEST_SHEET_N, Verdict
from service.upload import Upload, read_upload

_LOSSY = (Format.JPEG, Format.WEBP)
_FLOAT32_DB, _FLOAT32_LEVELS = 60.0, 2
"""Two engines at float32 agree at least so well: 77 dB and one level were measured."""
_SLACK_DB, _SPREAD = 3.0, 16
"""A card measured some thousand pictures, others may be a little worse; the largest difference of a channel is within
so many root mean squares of the worst of them: nine were measured in a thousand pictures."""


@dataclass(frozen=True)
class Comparison:
    """An upload next to what was drawn again."""

    verdict: Verdict
    explanation: str
    levels: int | None = None
    """Largest difference of a pixel's channel, 0 to 255; None where sizes differ."""
    changed_pixels: int | None = None


def address_of(recipe: Recipe, card: Card) -> AddressRange:
    """The pictures of a recipe, as this version of its model draws them.

    Raises:
        Problem: 422, the recipe has no such address; says why.
    """
    assert recipe.seed is not None
    if not (0 <= recipe.seed < ADDRESS_END and 0 <= recipe.index <= ADDRESS_END - recipe.n):
        raise Problem(422, "The recipe's seed or index is out of range.")
    if not 1 <= recipe.n <= LARGEST_SHEET_N or not 0 <= recipe.truncation <= 2 or recipe.times < 1:
        raise Problem(422, "The recipe's n, truncation or times is out of range.")
    try:
        shrinks = recipe.enlargement.shrinks(*sheet_size(recipe.n, card.image.height, card.image.width))
    except ValueError as error:
        raise Problem(422, f"The recipe: {cut(str(error))}.") from None
    if shrinks:
        raise Problem(422, f"The recipe's smooth is {recipe.smooth}, which is smaller than what is drawn.")
    try:
        label = None if recipe.classes is None else _label(recipe.classes)
    except AddressError as error:
        raise Problem(422, f"The recipe: {error}.") from None
    return address_range(card, recipe.seed, recipe.index, recipe.n, label, recipe.truncation)


def _label(classes: str) -> Label:
    return int(classes) if classes.isdecimal() else parse_weights(classes)


def without_drawing(upload: Upload) -> Comparison | None:
    """What can be said before anything is drawn; None where the recipe has an address."""
    recipe = upload.recipe
    if recipe is None:
        return Comparison(
            Verdict.NO_RECIPE, "The file has no recipe of ours. Give a range of addresses to look through."
        )
    made = f"{recipe.model} {recipe.version}"
    if recipe.seed is None:
        words = "drawn from codes that a client sent, or between two addresses: it has no address to draw again"
        return Comparison(Verdict.NO_ADDRESS, f"By its recipe it is of {made}, {words}.")
    if recipe.classes == MIXED:
        words = "whose pictures were given a class each, which the recipe does not list"
        return Comparison(Verdict.NO_ADDRESS, f"By its recipe it is a sheet of {made}, {words}.")
    return None


def compare(
    upload: Upload,
    drawn_NHWC: NDArray[np.uint8],
    card: Card,
    made_by: str,
    engine: str,
    enlargement: Enlargement = AS_DRAWN,
) -> Comparison:
    """An upload next to the pictures of its address.

    Args:
        drawn_NHWC: drawn again: one, or those of a sheet.
        made_by: the engine that the recipe names.
        engine: what drew them now.
        enlargement: of the picture or the sheet.
    """
    drawn_HWC = drawn_NHWC[0] if len(drawn_NHWC) == 1 else contact_sheet(drawn_NHWC)
    expected = enlargement.size(*drawn_HWC.shape[:2])
    if expected != upload.size:  # also keeps a stranger's enlargement from filling the memory
        found, wanted = (f"{shape[1]} x {shape[0]}" for shape in (upload.size, expected))
        return Comparison(Verdict.CHANGED, f"The picture is {found}, and its address is drawn in {wanted} pixels.")
    drawn_HWC = enlargement.apply(drawn_HWC)
    drawn, sent = np.broadcast_to(drawn_HWC, (*expected, 3)), upload.pixels()
    candidates = [(drawn, "")]
    if upload.format in _LOSSY:
        again = read_upload(encode_picture(drawn_HWC, upload.format)).pixels()
        candidates.append((again, f" after the same {upload.format} coding"))
    levels, changed, coded, nearest = min(
        (*_difference(sent, pixels), words, at) for at, (pixels, words) in enumerate(candidates)
    )
    if levels == 0:
        return Comparison(Verdict.IDENTICAL, f"Drawn again{coded}, every pixel is the same.", 0, 0)
    apart = f"{levels} level{'s' * (levels > 1)} apart in {changed:,} pixel{'s' * (changed > 1)}{coded}"
    worst_db, most_levels = (None, 0) if made_by == engine else _engines_apart(card, made_by, engine)
    if worst_db is not None and levels <= most_levels:
        (decibels,) = psnr_db(sent[None], candidates[nearest][0][None])
        if decibels >= worst_db - _SLACK_DB:
            words = f"Made by {made_by} and drawn again by {engine}, it is at most {apart}, as these engines differ."
            return Comparison(Verdict.SAME_ADDRESS, words, levels, changed)
    return Comparison(Verdict.CHANGED, f"Drawn again, it is at most {apart}: pixels were changed.", levels, changed)


def _difference(one_HWC: NDArray[np.uint8], other_HWC: NDArray[np.uint8]) -> tuple[int, int]:
    """Largest difference of a channel, and how many pixels differ."""
    apart_HW = np.abs(one_HWC.astype(np.int16) - other_HWC).max(axis=2)
    return int(apart_HW.max()), int(np.count_nonzero(apart_HW))


def _engines_apart(card: Card, *engines: str) -> tuple[float | None, int]:
    """How far pictures of two engines may be apart: decibels by the card, and levels; None where it says nothing."""
    reduced = [precision for engine in engines if (precision := engine.rpartition("-")[2]) != "float32"]
    measured = {str(name): one.worst_db for name, one in card.fidelity.items()}
    if not all(precision in measured for precision in reduced):
        return None, 0
    if not reduced:
        return _FLOAT32_DB, _FLOAT32_LEVELS
    worst_db = min(measured[precision] for precision in reduced)
    return worst_db, math.ceil(_SPREAD * 255 * 10 ** (-worst_db / 20))


class NearestSearch:
    """The picture of a range that is nearest to an upload, over chunks as they are drawn.

    Args:
        upload: of the size of one picture of the model, or of an enlargement that is made here; else nothing is near.
    """

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._pixels: NDArray[np.int16] | None = None
        """(H, W, 3), of the size of one picture of the model."""
        self._looked_at, self._apart = 0, math.inf
        self.at: int | None = None
        """Place of the nearest picture, counted from the first."""
        self.picture: NDArray[np.uint8] | None = None
        """(H, W, C)."""
        self._enlargements = [AS_DRAWN]
        """What the upload may be of it, by its size."""

    def look(self, images_NHWC: NDArray[np.uint8]) -> None:
        """The next pictures of the range."""
        if not self._looked_at:
            self._fit(*images_NHWC.shape[1:3])
        if self._pixels is not None:
            apart_N = [float(np.abs(self._pixels - image_HWC).mean()) for image_HWC in images_NHWC]
            nearest = int(np.argmin(apart_N))
            if apart_N[nearest] < self._apart:
                self._apart, self.at = apart_N[nearest], self._looked_at + nearest
                self.picture = images_NHWC[nearest].copy()
        self._looked_at += len(images_NHWC)

    def judged(self, source: AddressRange, card: Card, engine: str) -> Comparison:
        """What the upload is, after all pictures of the range.

        Args:
            source: the range.
            engine: what drew it.
        """
        if self.picture is None:
            return Comparison(Verdict.NOT_OURS, f"It has another size than the pictures of {source.model}.")
        made_by = engine if self._upload.recipe is None else self._upload.recipe.engine
        for enlargement in self._enlargements:
            found = compare(self._upload, self.picture[None], card, made_by, engine, enlargement)
            if found.verdict.is_ours:
                return found
        words = (
            f"None of the {source.n:,} addresses of {source.model} {source.version}, seed {source.seed}, from index "
            f"{source.start}, is it; the nearest one is {found.levels} levels apart."
        )
        return replace(found, verdict=Verdict.NOT_OURS, explanation=words)

    def _fit(self, height: int, width: int) -> None:
        """Of an upload that may be enlarged, look for what it was before: the mean of the pixels that became of one."""
        size = self._upload.size
        times = Enlargement(max(1, size[0] // height))
        smooth = [enlargement_to(side, "smooth", height, width) for side in SIZES_PIXELS]
        self._enlargements = [one for one in (times, *smooth) if one.size(height, width) == size]
        if self._enlargements:
            before = as_picture(self._upload.pixels()).resize((width, height), Resampling.BOX)
            self._pixels = np.asarray(before).astype(np.int16)
