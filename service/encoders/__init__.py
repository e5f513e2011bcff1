"""Encoders: pixels to the bytes of a file.

    routes/responses, sample -> [encoders] -> HTTP body, file

    png          a chunk of pictures, one PNG file each, compressed by ISA-L
    raster       one image file: a picture, a contact sheet, a strip, an animation (PNG, JPEG, WebP)
    zip_stream   many pictures as a zip of stored PNGs, chunk by chunk
    streams      the interface of such streams, and the short ones: npy and JSON

    raster, zip_stream, streams -> png        streams -> zip_stream

On one machine the same pictures give the same bytes, in whatever chunks they
arrive. The slow parts release Python's GIL, so a thread pool encodes on many
cores; calls share no state. Knows no HTTP.
"""

from service.encoders.raster import encode_animation, encode_picture, encode_sheet, encode_strip
from service.encoders.streams import Stream, stream_of

__all__ = ["Stream", "encode_animation", "encode_picture", "encode_sheet", "encode_strip", "stream_of"]
