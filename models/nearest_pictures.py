"""The nearest of many pictures, exactly, and how near real pictures come that a model never saw.

    picture_index -> [nearest_pictures] -> training/evaluation/index_writer, service/training_pictures

A picture is as near to another as their pixels are: root mean square, in levels of
0 to 255, as `evaluate` measures it. Large pictures are compared as thumbnails.

The search looks at few pixels. The features of a picture are its lowest
frequencies, by an orthonormal cosine transform, and the length of all that they
leave out. Two pictures are at least as far apart as their features (of what is left
out by the triangle inequality), so a picture whose features are farther away than
the best found so far need not be looked at [Faloutsos1994]: what is found is what
comparing all pixels would find. Knows no file and no model.

Letters: N pictures    H, W, C of a picture    h, w of its thumbnail    P numbers of a thumbnail
         D frequencies of a side    F features    M real pictures that were not learned from

Paper:
    [Faloutsos1994]  Fast Subsequence Matching in Time-Series Databases.  SIGMOD 1994
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

LARGEST_THUMBNAIL = 64
"""Pixels of a side."""
FREQUENCIES = 12
"""D: of digits a sixth of all variance is left out. With more there are fewer pixels to look at, and more features."""
NEAR_SHARE = 0.01
"""Nearer than all but this share of the unseen pictures is near, as for `near_share` of a card."""
FEWEST_UNSEEN = 100
"""Below, the nearest of them says little of the nearest hundredth."""
_COPY, _ROUNDED = 0.5, 1.0
"""Nearer than this share of the distance that is near is a copy: no unseen picture is likely to come there. Where that
distance is not known, so many levels: pixels that were rounded."""
_MIDDLE = 127.5
_ROUNDING = 1e-5
"""Of squared lengths: far more than sums of a few hundred products in float32 may be wrong."""
_BLOCK = 512
"""Pictures whose pixels are compared before others are left out."""
_NUMBERS = 1 << 20
"""Of pixels that are compared at a time: they fit into a core's cache."""


def thumbnail_size(height: int, width: int) -> tuple[int, int]:
    """(h, w) of the thumbnails of pictures of this size: the picture itself up to 64 pixels a side."""
    times = _times(height, width)
    return -(-height // times), -(-width // times)


def thumbnails(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The means of blocks of pixels, as many as bring the longest side to 64 or less: (N, h, w, C) uint8.

    A side that is no whole number of blocks is continued by its last row or column.
    """
    count, height, width, channels = images_NHWC.shape
    times = _times(height, width)
    if times == 1:
        return images_NHWC
    rows, columns = thumbnail_size(height, width)
    padding = ((0, 0), (0, rows * times - height), (0, columns * times - width), (0, 0))
    blocks = np.pad(images_NHWC, padding, mode="edge").reshape(count, rows, times, columns, times, channels)
    sums = blocks.sum(axis=(2, 4), dtype=np.uint32)
    means: NDArray[np.uint8] = ((sums + times**2 // 2) // times**2).astype(np.uint8)
    return means


def _times(height: int, width: int) -> int:
    return -(-max(height, width) // LARGEST_THUMBNAIL)


def feature_count(height: int, width: int, channels: int) -> int:
    """F of thumbnails of this size."""
    return min(height, FREQUENCIES) * min(width, FREQUENCIES) * channels + 1


def features_of(thumbnails_NhwC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Vectors that are no farther apart than the pictures themselves, in levels: (N, F) float32."""
    count, height, width, _ = thumbnails_NhwC.shape
    levels = thumbnails_NhwC.astype(np.float64).transpose(0, 3, 1, 2) - _MIDDLE
    low = (_waves(height) @ levels @ _waves(width).T).reshape(count, -1)
    left_out = np.square(levels).sum(axis=(1, 2, 3)) - np.square(low).sum(axis=1)
    return np.column_stack([low, np.sqrt(left_out.clip(min=0))]).astype(np.float32)


@cache
def _waves(side: int) -> NDArray[np.float64]:
    """The first waves of the orthonormal cosine transform (DCT-II) of a side: (D, side)."""
    numbers = np.arange(min(side, FREQUENCIES))
    waves: NDArray[np.float64] = np.cos(np.pi * np.outer(numbers, np.arange(side) + 0.5) / side) * np.sqrt(2 / side)
    waves[0] /= np.sqrt(2)
    return waves


@dataclass(frozen=True)
class Neighbour:
    """A picture near to the one that was asked about."""

    number: int
    """Its place among all, from 0."""
    distance_levels: float
    """0 is a copy, pixel by pixel."""
    mirrored: bool = False
    """Whether its mirror image is what is near."""


@dataclass(frozen=True)
class PictureSet:
    """Pictures to search, and their features; arrays may lie in a file that is mapped into memory.

    Args:
        pictures: (N, h, w, C) uint8, thumbnails.
        features: (N, F) float32, those of `features_of`.
    """

    pictures: NDArray[np.uint8]
    features: NDArray[np.float32]

    def nearest(self, thumbnail_hwC: NDArray[np.uint8], k: int, mirror: bool = False) -> list[Neighbour]:
        """The k nearest pictures, the nearest first; of equally near ones that with the lower number.

        Args:
            thumbnail_hwC: (h, w, C) uint8.
            k: fewer are found where there are fewer pictures.
            mirror: compare mirror images as well.
        """
        found = self._nearest(thumbnail_hwC, k, False)
        if mirror:
            found += self._nearest(thumbnail_hwC[:, ::-1], k, True)
        found.sort(key=lambda one: (one.distance_levels, one.number, one.mirrored))
        first = {one.number: one for one in reversed(found)}  # of two sides of a picture the nearer one
        return sorted(first.values(), key=lambda one: (one.distance_levels, one.number))[:k]

    def _nearest(self, thumbnail_hwC: NDArray[np.uint8], k: int, mirrored: bool) -> list[Neighbour]:
        at_least_N = self._at_least(thumbnail_hwC)
        k, block = min(k, len(at_least_N)), min(max(k, _BLOCK), len(at_least_N))
        looked_at = np.argpartition(at_least_N, block - 1)[:block]
        numbers, squares = _best(looked_at, self._squares(thumbnail_hwC, looked_at), k)
        is_left_N = at_least_N <= squares[-1]
        is_left_N[looked_at] = False
        left = np.flatnonzero(is_left_N)
        left = left[np.argsort(at_least_N[left])]
        for start in range(0, len(left), _BLOCK):
            some = left[start : start + _BLOCK]
            if at_least_N[some[0]] > squares[-1]:
                break
            found = self._squares(thumbnail_hwC, some)
            numbers, squares = _best(np.concatenate([numbers, some]), np.concatenate([squares, found]), k)
        distances = np.sqrt(squares / thumbnail_hwC.size)
        return [Neighbour(int(at), float(far), mirrored) for at, far in zip(numbers, distances, strict=True)]

    def _at_least(self, thumbnail_hwC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N,) squared distances that those of the pixels are not below."""
        own_F = features_of(thumbnail_hwC[None])[0]
        own = np.float32(own_F @ own_F)
        found: NDArray[np.float32] = self._squared_lengths * np.float32(1 - _ROUNDING) - 2 * (self.features @ own_F)
        return found + own * np.float32(1 - _ROUNDING)

    @cached_property
    def _squared_lengths(self) -> NDArray[np.float32]:
        """Squared lengths of the features."""
        lengths: NDArray[np.float32] = np.einsum("nf,nf->n", self.features, self.features)
        return lengths

    def _squares(self, thumbnail_hwC: NDArray[np.uint8], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Squared distances of some pictures, exactly."""
        own_P = thumbnail_hwC.reshape(-1).astype(np.int32)
        squares, rows = np.empty(len(numbers), np.int64), max(1, _NUMBERS // len(own_P))
        for at in range(0, len(numbers), rows):
            some = self.pictures[numbers[at : at + rows]]
            apart = some.reshape(len(some), -1) - own_P
            squares[at : at + rows] = np.square(apart, out=apart).sum(axis=1, dtype=np.int64)
        return squares


def _best(
    numbers: NDArray[np.int64], squares: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The k nearest, the nearest first; of equally near ones the lower number."""
    best = np.lexsort((numbers, squares))[:k]
    return numbers[best], squares[best]


class Likeness(StrEnum):
    """How a drawn picture stands to the nearest of those that its model learned from."""

    COPY = "copy"
    NEAR = "near"
    NEW = "new"


@dataclass(frozen=True)
class UnseenDistances:
    """How far real pictures that a model never saw are from the nearest of those that it learned from.

    Args:
        levels: (M,) float32, ascending, M at least 1.
    """

    levels: NDArray[np.float32]

    def share_farther(self, distance_levels: float) -> float:
        """The share of unseen pictures whose nearest one is farther away than this."""
        return 1 - float(np.searchsorted(self.levels, distance_levels, side="right")) / len(self.levels)

    @property
    def median(self) -> float:
        """In levels."""
        return float(np.median(self.levels))

    @property
    def near(self) -> float | None:
        """Where the nearest hundredth ends, in levels; None of too few pictures, or where many were learned from."""
        if len(self.levels) < FEWEST_UNSEEN or self.median == 0:
            return None
        return float(np.quantile(self.levels, NEAR_SHARE)) or None

    def likeness(self, distance_levels: float) -> Likeness:
        """What a distance means: equal pixels are a copy, whatever else is known."""
        near = self.near
        if distance_levels == 0 or distance_levels < (_ROUNDED if near is None else _COPY * near):
            return Likeness.COPY
        return Likeness.NEAR if distance_levels < (float(self.levels[0]) if near is None else near) else Likeness.NEW
