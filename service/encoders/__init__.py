"""Encoders: pixels to the bytes of a file.

    pixels -> raster (PNG, JPEG, WebP: one image file) ---------> HTTP body, file
    marks ---^   |-> animation (WebP, GIF: frames that move) ---^
                 `-> streams (zip, npy, JSON: many pictures) ---^

On one machine the same pictures give the same bytes, in whatever chunks they
arrive. The slow parts release Python's GIL, so a thread pool encodes on many
cores; calls share no state. Knows no HTTP.
"""

from service.encoders.animation import encode_animation, encode_moving
from service.encoders.raster import encode_picture, encode_sheet, encode_strip
from service.encoders.streams import Stream, stream_of

__all__ = [
    "Stream",
    "encode_animation",
    "encode_moving",
    "encode_picture",
    "encode_sheet",
    "encode_strip",
    "stream_of",
]
