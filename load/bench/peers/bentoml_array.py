"""BentoML's own API: a method that returns the array, and one that returns a picture, as its documentation does.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 bentoml serve load.bench.peers.bentoml_array:Peer

BentoML writes an array as JSON and a Pillow image as PNG. It has no answer of its
own for npy or for a zip, so there is none here.
"""

import bentoml
import numpy as np
from PIL.Image import Image

from load.bench.peers.files import picture, sheet
from load.bench.peers.generator import Generator, codes


@bentoml.service(name="peer")
class Peer:
    """Draws with one generator."""

    def __init__(self) -> None:
        self.generator = Generator()

    @bentoml.api
    def generate(self, n: int = 1, seed: int | None = None) -> np.ndarray:
        """n pictures as an array."""
        return self._images(n, seed)

    @bentoml.api
    def draw(self, n: int = 1, seed: int | None = None) -> Image:
        """One picture, or a contact sheet."""
        images_NHWC = self._images(n, seed)
        return picture(images_NHWC[0] if n == 1 else sheet(images_NHWC))

    def _images(self, n: int, seed: int | None) -> np.ndarray:
        return self.generator.draw(*codes(n, seed, self.generator.code_size))
