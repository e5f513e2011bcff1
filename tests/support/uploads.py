"""Ten bad uploads: files that are not what a route that reads pictures is for, and what it says of each."""

import io
import zlib

from PIL import Image


def saved(mode: str, size: tuple[int, int], name: str = "png", **options: object) -> bytes:
    """A black picture as a file."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, name, **options)
    return file.getvalue()


def claims(width: int, height: int, compressed: bytes = b"") -> bytes:
    """A PNG whose header claims more than the file holds; or all that it claims, compressed."""
    whole = saved("L", (1, 1))
    head = _chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + whole[24:29])
    return whole[:8] + head + _chunk(b"IDAT", compressed or zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")


def pixel_bomb(side: int = 12_000) -> bytes:
    """140 kB that are 144 million black pixels, every one of them there."""
    rows = zlib.compressobj(9)
    row = b"\0" * (side + 1)
    return claims(side, side, b"".join([*(rows.compress(row) for _ in range(side)), rows.flush()]))


def many_scans(count: int = 101) -> bytes:
    """A progressive JPEG that goes over its pixels so often."""
    whole = saved("L", (16, 16), "jpeg", progressive=True)
    at = whole.rindex(b"\xff\xda")
    return whole[:at] + whole[at:-2] * count + whole[-2:]


def stereo() -> bytes:
    """An MPO, as telephones and stereo cameras write it: a JPEG with a further picture behind it."""
    file = io.BytesIO()
    Image.new("RGB", (20, 12)).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (20, 12), "red")])
    return file.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


SIZE = (20, 12)
"""Of a good upload for a model of 12 x 20 pixels; those below that are refused by something else have it."""
PIXELS = "it may have up to 16,777,216 pixels"
BAD_UPLOADS: dict[str, tuple[bytes, int, str]] = {
    "a pixel bomb": (pixel_bomb(), 422, PIXELS),
    "cut off": (saved("RGB", SIZE, compress_level=0)[:-300], 422, "cut off or damaged"),
    "of another type": (saved("RGB", SIZE, "gif"), 415, "must be a PNG, JPEG or WebP file"),
    "a header that claims 20,000 x 20,000": (claims(20_000, 20_000), 422, PIXELS),
    "animated": (
        saved("RGB", SIZE, "webp", save_all=True, append_images=[Image.new("RGB", SIZE, "red")]),
        422,
        "an animation of 2 frames; it must be one picture",
    ),
    "16-bit": (saved("I;16", SIZE), 422, "mode I;16; it must have 8 bits a channel"),
    "a document under a picture's name": (b"%PDF-1.7 a document", 415, "must be a PNG, JPEG or WebP file"),
    "10 MB": (saved("RGB", SIZE) + b"\0" * 10_000_000, 413, "larger than 8388608 bytes"),
    "a JPEG of 102 scans": (many_scans(), 422, "scans; it may have up to 100"),
    "nothing": (b"", 415, "must be a PNG, JPEG or WebP file"),
}
"""What is wrong -> the file, the status, and words of the answer. 1 x 1 and CMYK are pictures: each route's test says
what it makes of them."""
