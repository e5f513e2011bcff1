"""Codes of a Gaussian mixture from standard normal numbers, inside of the graph.

    the codes of an autoencoder's training pictures -> [mixture] -> autoencoder

An autoencoder learns where its codes lie, and that is no standard normal. A
mixture fitted to them (ex-post density estimation, arXiv:1903.12436) lets one
draw new ones. z has one number more than a code: the first chooses the
component, by the constants that cut a standard normal into the components'
weights, and the others are placed by its mean and factor. So whatever the
method, z is standard normal, and a picture is a function of its z.

A walk through z jumps where its first number passes a cut.

Letters: N codes   K components   D numbers in a code
"""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_FAR = 8.0
"""Standard normal numbers of float32 precision do not come this far out."""


class Mixture(nn.Module):
    """Standard normal (N, D + 1) <-> codes (N, D); one standard normal component until it is fitted."""

    def __init__(self, components: int, code_size: int) -> None:
        super().__init__()
        self.z_size = code_size + 1
        self.register_buffer("cuts", torch.full((components - 1,), _FAR))  # (K - 1,) between the components
        self.register_buffer("middles", torch.zeros(components))  # (K,) the z that chooses each component, half way
        self.register_buffer("log_weights", torch.full((components,), -torch.inf).index_fill(0, torch.tensor([0]), 0.0))
        self.register_buffer("means", torch.zeros(components, code_size))
        self.register_buffer("factors", torch.eye(code_size).repeat(components, 1, 1))  # Cholesky: covariance L L^T
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
