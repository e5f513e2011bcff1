"""What the generator and the discriminator each try to minimise.

    networks -> [losses] -> gan

Every function maps tensors to a scalar tensor and owns nothing: no weights, no
device, no random numbers. Each is tested against a number worked out by hand.

Letters: N pictures in the batch    C channels    H, W height and width in pixels

Papers:
    [Mescheder2018]  Which Training Methods for GANs do actually Converge?  arXiv:1801.04406
    [Jolicoeur2019]  The relativistic discriminator.                        arXiv:1807.00734
    [Huang2025]      The GAN is dead; long live the GAN!                    arXiv:2501.05441
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def relativistic_loss(scores_higher: Tensor, scores_lower: Tensor) -> Tensor:
    """Ask that each of one group of pictures scores above its partner in the other.

    The pairing loss of [Jolicoeur2019] in the form of [Huang2025]. The
    discriminator calls it with (real, fake), the generator with (fake, real).

    Args:
        scores_higher, scores_lower: (N,) discriminator outputs, paired by place.

    Returns:
        () mean of softplus(lower - higher): ln 2 where the two are equal.
    """
    return F.softplus(scores_lower - scores_higher).mean()


def gradient_penalty(scores: Tensor, images: Tensor, gamma: float) -> Tensor:
    """Charge the discriminator for being steep at these pictures.

    On real pictures this is R1 of [Mescheder2018], who prove local convergence
    with it; on generated ones it is R2, which [Huang2025] show to be needed as
    well. Exact: the gradient is taken by autograd, at every step.

    Args:
        scores: (N,) outputs for `images`.
        images: (N, C, H, W) pixels in [-1, 1]. Must require grad, and `scores`
            must have been computed from this very tensor.
        gamma: weight; 0 turns the penalty off.

    Returns:
        () gamma / 2 times the mean over pictures of the squared slope (score per
        unit of pixel value) summed over C, H, W. The sum grows with resolution,
        so `gamma` does not carry over from one image size to another.

    Raises:
        ValueError: `gamma` is negative, or `images` does not require grad.
    """
    if gamma < 0:
        raise ValueError(f"gamma must be 0 or more, got {gamma}")
    if not images.requires_grad:
        raise ValueError("images must require grad: call images.requires_grad_() before scoring")
    (slope_NCHW,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gamma / 2 * slope_NCHW.square().sum(dim=(1, 2, 3)).mean()
