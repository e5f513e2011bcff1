"""Animations: the frames of an interpolation to a file that moves, WebP or GIF; both loop for ever.

    routes -> [animation] -> raster, Pillow

WebP has all colours. GIF has 256 a frame, chosen for each frame, and is shown
everywhere; grey pictures are exact in it. Times are whole milliseconds in the one
and whole hundredths in the other: what rounding takes from a frame the next one
gets, so the whole lasts as long as it was asked to.

Letters: N frames    H, W, C of a picture, C is 1 or 3

Papers:
    [GIF]  Graphics Interchange Format, version 89a, CompuServe 1990.
    [XMP]  Extensible Metadata Platform (XMP) Specification: Part 3, 1.1.2 GIF, Adobe 2020.
"""

import io

import numpy as np
from numpy.typing import NDArray

from models.sheet import as_picture
from service.encoders.raster import save_webp
from service.enlargement import AS_DRAWN, Enlargement
from service.formats import AnimationFormat

SHORTEST_FRAME_S = 0.02
"""Browsers show a GIF's frame for a tenth of a second where it says less."""
_MILLISECONDS = {AnimationFormat.WEBP: 1, AnimationFormat.GIF: 10}
"""The unit of a frame's time."""
_SCREEN_BYTES, _LOOP_BYTES = 13, 19
"""Header with the logical screen's descriptor [GIF, 17 and 18]; the extension that says how often it loops."""
_XMP_HEAD = b"!\xff\x0bXMP DataXMP"
_XMP_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"
"""Wherever a reader that knows no XMP takes a byte of the packet for a length, it comes out at the end of this."""


def encode_animation(images_NHWC: NDArray[np.uint8], frames_per_second: int, mark: bytes = b"") -> bytes:
    """An animated WebP, each frame shown for the same whole number of milliseconds."""
    shown_ms = [round(1000 / frames_per_second)] * len(images_NHWC)
    return _webp(images_NHWC, shown_ms, mark, AS_DRAWN)


def encode_moving(
    images_NHWC: NDArray[np.uint8],
    chosen: AnimationFormat,
    seconds: float,
    mark: bytes = b"",
    enlargement: Enlargement = AS_DRAWN,
) -> bytes:
    """An animation that lasts so many seconds.

    Args:
        chosen: WebP or GIF.
        mark: an XMP packet; an empty one leaves it without.
        enlargement: of each frame.
    """
    shown_ms = frame_times_ms(len(images_NHWC), seconds, _MILLISECONDS[chosen])
    encode = _gif if chosen is AnimationFormat.GIF else _webp
    return encode(images_NHWC, shown_ms, mark, enlargement)


def frame_times_ms(frames: int, seconds: float, unit_ms: int) -> list[int]:
    """How long each frame is shown, in whole units; their sum is the whole time, rounded once."""
    ends = np.rint(np.arange(frames + 1) * (1000 * seconds / (frames * unit_ms))).astype(int)
    return [int(one) * unit_ms for one in np.diff(ends)]


def _webp(images_NHWC: NDArray[np.uint8], shown_ms: list[int], mark: bytes, enlargement: Enlargement) -> bytes:
    first, *rest = (as_picture(enlargement.apply(pixels)) for pixels in images_NHWC)
    return save_webp(first, mark, save_all=True, append_images=rest, duration=shown_ms, loop=0)


def _gif(images_NHWC: NDArray[np.uint8], shown_ms: list[int], mark: bytes, enlargement: Enlargement) -> bytes:
    first, *rest = (as_picture(enlargement.apply(pixels)) for pixels in images_NHWC)
    file = io.BytesIO()
    first.save(file, "gif", save_all=True, append_images=rest, duration=shown_ms, loop=0)
    return _with_xmp(file.getvalue(), mark) if mark else file.getvalue()


def _with_xmp(gif: bytes, packet: bytes) -> bytes:
    """The file with an application extension behind the one that makes it loop."""
    flags = gif[10]
    colours_bytes = 3 << ((flags & 7) + 1) if flags & 128 else 0
    at = _SCREEN_BYTES + colours_bytes + _LOOP_BYTES
    return b"".join((gif[:at], _XMP_HEAD, packet, _XMP_TRAILER, gif[at:]))
