"""Picture -> code -> picture: an encoder, a decoder, and the prior over the codes between them.

    gan (generator, encoder) -> [autoencoder] -> methods

The lecture's question, what if the decoder were used to make new pictures, is
answered by `forward`: z, standard normal, becomes a code as training pictures
have them, and the decoder draws it. A variational autoencoder learns codes that
are standard normal already; the others get a mixture.

An autoencoder learns where its codes lie, and that is not a standard normal. A
Gaussian mixture fitted to them (ex-post density estimation, arXiv:1903.12436)
samples new ones. z has one number more than a code: the first chooses the
component, by the constants that cut a standard normal into the components'
weights, and the others are placed by its mean and factor. So z is standard normal
with every method, and a picture is a function of its z. An interpolation jumps
where its first number passes a cut.

Letters: N codes   K components   D numbers in a code   Z = D + 1
"""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.config import Settings
from training.networks.gan import Encoder, Generator, LatentGenerator
from training.networks.geometry import Geometry
from training.pixels import from_bytes

_FAR = 8.0
"""Standard normal numbers of float32 precision do not come this far out."""


class MixturePrior(nn.Module):
    """Standard normal (N, D + 1) <-> codes (N, D); one standard normal component until it is fitted."""

    cuts: Tensor
    """(K - 1,) between the components."""
    middles: Tensor
    """(K,) the z that chooses each component, half way."""
    log_weights: Tensor
    """(K,)."""
    means: Tensor
    """(K, D)."""
    factors: Tensor
    """(K, D, D) Cholesky factors: covariance L L^T."""
    inverses: Tensor
    """(K, D, D) of the factors."""

    def __init__(self, components: int, code_size: int) -> None:
        super().__init__()
        self.z_size = code_size + 1
        self.register_buffer("cuts", torch.full((components - 1,), _FAR))
        self.register_buffer("middles", torch.zeros(components))
        self.register_buffer("log_weights", torch.full((components,), -torch.inf).index_fill(0, torch.tensor([0]), 0.0))
        self.register_buffer("means", torch.zeros(components, code_size))
        self.register_buffer("factors", torch.eye(code_size).repeat(components, 1, 1))
        self.register_buffer("inverses", torch.eye(code_size).repeat(components, 1, 1))

    def forward(self, z_NZ: Tensor) -> Tensor:
        """(N, D + 1) standard normal -> (N, D) codes."""
        chosen_N = (z_NZ[:, :1] > self.cuts).sum(dim=1)
        return self.means[chosen_N] + (self.factors[chosen_N] @ z_NZ[:, 1:, None]).squeeze(2)

    def invert(self, codes_ND: Tensor) -> Tensor:
        """(N, D) codes -> (N, D + 1): by the likeliest component, in the middle of its share."""
        white_NKD = torch.einsum("kij,nkj->nki", self.inverses, codes_ND[:, None] - self.means)
        log_volumes_K = torch.diagonal(self.inverses, dim1=1, dim2=2).log().sum(dim=1)
        likeliest_N = (self.log_weights + log_volumes_K - white_NKD.square().sum(dim=2) / 2).argmax(dim=1)
        white_ND = white_NKD.gather(1, likeliest_N[:, None, None].expand(-1, 1, white_NKD.shape[2])).squeeze(1)
        return torch.cat([self.middles[likeliest_N][:, None], white_ND], dim=1)

    def fit(self, codes_ND: NDArray[np.float32], iterations: int) -> None:
        """Fit weights, means and covariances by expectation maximisation; the same codes give the same mixture."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        components = min(len(self.means), max(1, len(codes_ND) // (2 * self.z_size)))  # few codes: fewer components
        # A little of the codes' own variance on the diagonal keeps a component that has collapsed drawable.
        floor = 1e-4 * float(codes_ND.var()) + 1e-9
        found = GaussianMixture(components, reg_covar=floor, max_iter=iterations, random_state=0)
        # One thread: sums in one order, whatever the machine, and no threads that wait for each other.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture short of its best is one to draw from
            found.fit(codes_ND.astype(np.float64))
        unused = len(self.means) - components
        weights = torch.from_numpy(np.pad(found.weights_, (0, unused)))
        factors = torch.linalg.cholesky(
            torch.from_numpy(np.pad(found.covariances_, ((0, unused), (0, 0), (0, 0)), "edge"))
        )
        ends = torch.special.ndtri(weights.cumsum(0).clamp(0, 1)).clamp(-_FAR, _FAR)
        starts = torch.cat([ends.new_tensor([-_FAR]), ends[:-1]])
        middles = torch.special.ndtri((torch.special.ndtr(starts) + torch.special.ndtr(ends)) / 2)
        self.cuts.copy_(ends[:-1])
        self.middles.copy_(middles.clamp(-_FAR, _FAR))
        self.log_weights.copy_(weights.log())
        self.means.copy_(torch.from_numpy(np.pad(found.means_, ((0, unused), (0, 0)))))
        self.factors.copy_(factors)
        self.inverses.copy_(torch.linalg.inv(factors))


_ENCODED_AT_ONCE = 512
_FITTED_PICTURES, _FITTING_ITERATIONS = (2_000, 20_000), (5, 100)
"""At most, while it still learns and at its end: a component has some hundred numbers to learn from the codes."""


class Autoencoder(LatentGenerator):
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
        self.prior = None if variational else MixturePrior(settings.components, settings.code_size)
        self.code_size = self.prior.z_size if self.prior is not None else settings.code_size

    def forward(self, z_NZ: Tensor, classes_N: Tensor | None = None) -> Tensor:
        """(N, Z) standard normal, labels (N,) or weights (N, K) -> pictures (N, C, H, W)."""
        images: Tensor = self.decoder(z_NZ if self.prior is None else self.prior(z_NZ), classes_N)
        return images

    def encode(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, Z), the z that draws the picture again as well as the model can."""
        codes_ND: Tensor = self.encoder(images_NCHW, labels_N)[:, : self._numbers]
        return codes_ND if self.prior is None else self.prior.invert(codes_ND)

    def fit_prior(self, images_NCHW: Tensor, finished: bool) -> None:
        """Fit the mixture to the codes of training pictures (bytes, on this device); roughly, if not finished."""
        if self.prior is None:
            return
        every = -(-len(images_NCHW) // _FITTED_PICTURES[finished])
        with torch.no_grad():
            batches = torch.split(images_NCHW[::every], _ENCODED_AT_ONCE)
            codes = [self.encoder(from_bytes(batch)).cpu().numpy() for batch in batches]
        self.prior.fit(np.concatenate(codes), _FITTING_ITERATIONS[finished])
