"""Pixels -> files: one picture as PNG, JPEG or WebP, many as zip, npy or JSON, piece by piece.

    gallery -> [encoders] -> HTTP

Read in this order:

    png         a chunk of pictures as PNG files, by ISA-L's deflate
    pictures    one file: a picture, a contact sheet, a strip, an animation
    streams     many pictures, and a file that is made piece by piece
    archive     zip, one stored PNG for each picture
    arrays      npy, the pixels as they are
    objects     JSON, each picture with what there is to say of it
    __main__    `python -m service.encoders`: what all of it costs on this machine

On one machine the same pictures make the same bytes, however they are cut into
chunks. What is slow is done without Python's lock, so a pool of threads encodes
on many cores; nothing is shared between calls. Knows no HTTP.
"""

from service.encoders.pictures import encode_animation, encode_picture, encode_sheet, encode_strip
from service.encoders.streams import Stream, stream_of

__all__ = ["Stream", "encode_animation", "encode_picture", "encode_sheet", "encode_strip", "stream_of"]
