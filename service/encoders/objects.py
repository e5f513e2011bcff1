"""Pictures -> JSON: what made them, and each as a base64 PNG with what there is to say of it.

    streams -> [objects] -> png

Letters: N pictures of a chunk    H, W, C of a picture
"""

import json
from binascii import b2a_base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.encoders.png import encode_pngs
from service.latents import Asked


class JsonStream:
    """One object, with a list of pictures."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._done = asked, 0
        self.length: int | None = None

    def begin(self) -> bytes:
        """Up to the list."""
        return _begun(self._asked.told()) + b'"images": ['

    def add(self, images_NHWC: NDArray[np.uint8]) -> bytes:
        """An object for each picture."""
        objects = [
            b'%s"png": "%s"}' % (_begun(self._asked.told_of(at)), b2a_base64(png, newline=False))
            for at, png in enumerate(encode_pngs(images_NHWC), self._done)
        ]
        comma = b", " if self._done else b""
        self._done += len(objects)
        return comma + b", ".join(objects)

    def end(self) -> bytes:
        """After the list."""
        return b"]}"


def _begun(fields: dict[str, Any]) -> bytes:
    """An object that another field can be written to: base64 is JSON already, and is not looked through for quotes."""
    text = json.dumps(fields)[:-1]
    return (f"{text}, " if fields else text).encode()
