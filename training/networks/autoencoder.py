"""Picture -> code -> picture: an encoder, a decoder, and the codes between them.

    generator, observers, mixture -> [autoencoder] -> methods

The lecture's question, what if the decoder were used to make new pictures, is
answered by `forward`: z, standard normal, becomes a code as training pictures
have them, and the decoder draws it. A variational autoencoder has learned codes
that are standard normal already; the others get a mixture.
"""

import numpy as np
import torch
from torch import Tensor, nn

from training.config import Settings
from training.networks.discriminator import Encoder
from training.networks.generator import Generator
from training.networks.geometry import Geometry
from training.networks.mixture import Mixture

_ENCODED_AT_ONCE = 512
_FITTED_PICTURES, _FITTING_ITERATIONS = (2_000, 20_000), (5, 100)
"""At most, while it still learns and at its end: a component has some hundred numbers to learn from the codes."""


class Autoencoder(nn.Module):
    """A decoder that draws, and the encoder that it learned with.

    Args:
        variational: the encoder gives mean and log variance of a code, and codes are drawn standard normal.

    Raises:
        ValueError: the code is no smaller than the picture.
    """

    def __init__(self, settings: Settings, geometry: Geometry, dtype: torch.dtype, variational: bool) -> None:
        super().__init__()
        self._numbers, pixels = settings.code_size, geometry.height * geometry.width * geometry.channels
        if self._numbers >= pixels:
            raise ValueError(
                f"code_size is {self._numbers}, and a picture has {pixels} numbers; an autoencoder's code must be "
                "smaller, or there is nothing to learn. Lower --code-size."
            )
        outputs = 2 * settings.code_size if variational else settings.code_size
        self.encoder = Encoder(settings, geometry, outputs, dtype)
        self.decoder = Generator(settings, geometry, dtype)
        self.prior = None if variational else Mixture(settings.components, settings.code_size)
        self.code_size = self.prior.z_size if self.prior is not None else settings.code_size

    def forward(self, z_NZ: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, Z) standard normal, (N,) -> pictures (N, C, H, W)."""
        return self.decoder(z_NZ if self.prior is None else self.prior(z_NZ), labels_N)

    def encode(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, Z), the z that draws the picture again as well as the model can."""
        codes_ND = self.encoder(images_NCHW, labels_N)[:, : self._numbers]
        return codes_ND if self.prior is None else self.prior.invert(codes_ND)

    def settle(self, images_NCHW: Tensor, finished: bool) -> None:
        """Fit the mixture to the codes of training pictures (bytes, on this device); roughly, if not finished."""
        if self.prior is None:
            return
        every = -(-len(images_NCHW) // _FITTED_PICTURES[finished])
        with torch.no_grad():
            batches = images_NCHW[::every].split(_ENCODED_AT_ONCE)
            codes = [self.encoder(batch.float() / 127.5 - 1).cpu().numpy() for batch in batches]
        self.prior.fit(np.concatenate(codes), _FITTING_ITERATIONS[finished])
