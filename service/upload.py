"""A picture that a client sends: what may be wrong with it is found before its pixels are decoded.

    HTTP, a file -> [upload] -> verification, encoded

PNG, JPEG and WebP, of 8 bits a channel. Size, mode and number of frames stand in
a file's head, so what is refused costs no memory. Knows files by what Pillow reads
of them; knows no route and no model but the shape of its pictures.

Letters: H, W, C of a picture
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.card import ImageShape
from service.encoders.marks import Recipe, read_recipe
from service.errors import Problem, cut
from service.formats import Format

LARGEST_PIXELS = 1 << 24
"""Of an upload; it is decoded only below. A sheet of 1,024 pictures of 64 x 64 has 4.5 million."""
MOST_SCANS = 100
"""Of a JPEG: each goes over all pixels again, and a few bytes make one. Those of cameras and editors have up to 12."""
PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            f"image/{kind}": {"schema": {"type": "string", "format": "binary"}} for kind in ("png", "jpeg", "webp")
        },
    }
}
"""For OpenAPI: the body of a route is a file."""
_OPENED = ("PNG", "JPEG", "WEBP")
_FORMATS = {"PNG": Format.PNG, "JPEG": Format.JPEG, "MPO": Format.JPEG, "WEBP": Format.WEBP}
"""By Pillow's name; MPO is a JPEG of a telephone, with further ones behind it."""
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")
"""Of Pillow, with 8 bits or fewer a channel."""
_JPEG_BEGIN, _JPEG_SCAN = b"\xff\xd8", b"\xff\xda"
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)
"""What Pillow's readers raise of a damaged file."""


@dataclass(frozen=True)
class Upload:
    """A stranger's picture: the file, and what its head says. It waits in queues without its pixels."""

    data: bytes = field(repr=False)
    size: tuple[int, int]
    """(H, W)."""
    format: Format
    recipe: Recipe | None
    frames: int = 1

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3), decoded at each call: up to 48 MB."""
        with _opened(self.data) as picture:
            return np.asarray(picture.convert("RGB"))


def read_upload(data: bytes) -> Upload:
    """A picture of any size up to `LARGEST_PIXELS`, and the recipe in its mark.

    Raises:
        Problem: 415, no PNG, JPEG or WebP; 422, too large, cut off, or of more than 8 bits a channel.
    """
    with _opened(data) as picture:
        packet = picture.info.get("xmp", b"")
        recipe = read_recipe(packet.encode() if isinstance(packet, str) else packet)
        picture.load()  # all of it is there
        size = picture.height, picture.width
        return Upload(data, size, _FORMATS[str(picture.format)], recipe, _frames(picture))


def read_for_encoder(data: bytes, shape: ImageShape) -> NDArray[np.uint8]:
    """A picture of the size that a model has, as its encoder takes it: (1, H, W, C) uint8.

    Colours become grey levels where the model's pictures are grey.

    Raises:
        Problem: as `read_upload`; and 422, another size, an animation, or transparent pixels.
    """
    with _opened(data) as picture:
        if picture.size != (shape.width, shape.height):
            found = "{:,} x {:,}".format(*picture.size)
            raise Problem(
                422, f"The picture is {found}; this model takes {shape.width:,} x {shape.height:,}: scale it first."
            )
        require_one_frame(_frames(picture))
        if picture.has_transparency_data and picture.convert("RGBA").getchannel("A").getextrema()[0] != 255:
            raise Problem(422, "The picture has transparent pixels; lay it on a background first.")
        pixels = np.asarray(picture.convert("RGB").convert("L" if shape.channels == 1 else "RGB"))
        return pixels.reshape(1, shape.height, shape.width, shape.channels)


def require_one_frame(frames: int) -> None:
    """Raises: Problem: 422, it is an animation."""
    if frames > 1:
        raise Problem(422, f"The file is an animation of {frames} frames; it must be one picture.")


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """A picture whose head was read, and whose pixels may be: they are within the bounds."""
    scans = data.count(_JPEG_SCAN) if data.startswith(_JPEG_BEGIN) else 0
    if scans > MOST_SCANS:
        raise Problem(422, f"The JPEG has {scans:,} scans; it may have up to {MOST_SCANS}: save it again.")
    try:
        with Image.open(io.BytesIO(data), formats=_OPENED) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise Problem(422, _too_many_pixels("{:,} x {:,}".format(*picture.size)))
            if picture.mode not in _MODES:
                raise Problem(422, f"The picture has mode {cut(picture.mode)}; it must have 8 bits a channel.")
            yield picture
    except UnidentifiedImageError:
        raise Problem(415, "The body is no picture that can be read; it must be a PNG, JPEG or WebP file.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Problem(422, _too_many_pixels("far too many pixels")) from None
    except _DAMAGED as error:
        raise Problem(422, f"The picture is cut off or damaged ({cut(str(error))}).") from None


def _frames(picture: Image.Image) -> int:
    """Of an animation; the further pictures of an MPO are thumbnails of the first, or the other eye's."""
    return getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1


def _too_many_pixels(found: str) -> str:
    return f"The picture has {found}; it may have up to {LARGEST_PIXELS:,} pixels."
