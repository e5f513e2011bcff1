"""BentoML's own API: a method that returns the array, and one that returns an image, as its documentation does.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 bentoml serve load.bench.peers.bentoml_array:Peer

BentoML writes an array as JSON and a Pillow image as PNG. It offers neither npy
nor zip, so neither is here.
"""

import bentoml
import numpy as np
from PIL.Image import Image

from load.bench.peers.drawing import Generator, codes, contact_sheet, pillow_image


@bentoml.service(name="peer")
class Peer:
    """Draws with one generator."""

    def __init__(self) -> None:
        self.generator = Generator()

    @bentoml.api  # type: ignore[untyped-decorator]  # BentoML's
    def generate(self, n: int = 1, seed: int | None = None) -> np.ndarray:
        """n images as an array."""
        return self._images(n, seed)

    @bentoml.api  # type: ignore[untyped-decorator]  # BentoML's
    def draw(self, n: int = 1, seed: int | None = None) -> Image:
        """One image, or a contact sheet."""
        images_NHWC = self._images(n, seed)
        return pillow_image(images_NHWC[0] if n == 1 else contact_sheet(images_NHWC))

    def _images(self, n: int, seed: int | None) -> np.ndarray:
        return self.generator.draw(*codes(n, seed, self.generator.code_size))
