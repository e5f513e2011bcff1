"""The adversarial losses: what generator and discriminator each minimise.

    [losses] -> gan

Every function maps tensors to a scalar tensor and owns nothing: no weights, no
device, no random numbers. Each is tested against a number worked out by hand.

A score is a logit: D(x) of the papers, the probability that x is real, is
sigmoid(score). So -log D(x) is softplus(-score), and -log(1 - D(x)) is softplus(score).

Letters: N pictures in the batch    C channels    H, W height and width in pixels

Papers:
    [Goodfellow2014]  Generative Adversarial Networks.                      arXiv:1406.2661
    [Mescheder2018]   Which Training Methods for GANs do actually Converge?  arXiv:1801.04406
    [Jolicoeur2019]   The relativistic discriminator.                        arXiv:1807.00734
    [Huang2025]       The GAN is dead; long live the GAN!                    arXiv:2501.05441
    [Odena2017]       Conditional Image Synthesis with Auxiliary Classifier GANs.  arXiv:1610.09585
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]
"""(scores of real pictures (N,), scores of generated ones (N,)) -> ()."""
Score = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Pictures (N, C, H, W) -> scores (N,), each from its own picture alone, and whatever else was found of them."""


@dataclass(frozen=True)
class Objective:
    """What each of the two players minimises, given the scores of real and of generated pictures."""

    discriminator: Loss
    generator: Loss
    generator_sees_real: bool
    """False where the generator's loss does not depend on real pictures, which then need no scores."""


def goodfellow_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-[log D(x) + log(1 - D(G(z)))]: ascending the gradient of [Goodfellow2014], algorithm 1, is descending this."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def minimax_generator(real: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001 (all losses have one signature)
    """log(1 - D(G(z))), as in algorithm 1 of [Goodfellow2014]; flat where the discriminator is sure."""
    return -F.softplus(fake).mean()


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001
    """-log D(G(z)), which [Goodfellow2014] prefers to algorithm 1: the same fixed point, steeper far from it."""
    return F.softplus(-fake).mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Each real picture should score above its generated partner: [Jolicoeur2019] in the form of [Huang2025]."""
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Each generated picture should score above its real partner."""
    return F.softplus(real - fake).mean()


OBJECTIVES = {
    "relativistic": Objective(relativistic_discriminator, relativistic_generator, generator_sees_real=True),
    "non-saturating": Objective(goodfellow_discriminator, non_saturating_generator, generator_sees_real=False),
    "minimax": Objective(goodfellow_discriminator, minimax_generator, generator_sees_real=False),
}


def scores_and_slopes(score: Score, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, what `score` found besides, and how steep the discriminator is at each picture; both can be descended.

    Exact, by automatic differentiation. Through `torch.func`, because that can be
    compiled as a part of a larger step, which `autograd.grad` cannot on every
    torch that we support.

    Args:
        score: whose slopes are taken; those of what it finds besides are not.
        images: (N, C, H, W) pixels in [-1, 1].

    Returns:
        (N,) scores, what was found besides, and (N,) squared slopes: score per unit of pixel value, squared and
        summed over C, H, W.
    """
    return (slopes_by_direction if images.device.type == "cuda" else slopes_by_double_backward)(score, images)


def slopes_by_double_backward(score: Score, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`scores_and_slopes` as the equations say it: the gradient by the pixels, which is differentiated again.

    The faster way on a CPU. On a GPU torch writes the second derivative of a convolution as one whose kernel is a
    whole layer of the batch, and no tensor core computes that: it took 97 % of the time of a step on one H200.
    """

    def total(images: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        scores, besides = score(images)
        return scores.sum(), (scores, besides)

    slope_NCHW, (scores, besides) = torch.func.grad(total, has_aux=True)(images)
    return scores, besides, slope_NCHW.square().sum(dim=(1, 2, 3))


def slopes_by_direction(score: Score, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same values and gradients from ordinary convolutions alone: the faster way on a GPU.

    With the slope s held fixed, the score's change along s is s . s, and the gradient of that change is half the
    gradient of the squared slope. So 2 (change along s) - s . s has the value and the gradient of the squared slope.
    The change is a forward pass, which is had by pulling ones back to the pixels, and pushing s through that again.
    """
    scores, pull_back, besides = torch.func.vjp(score, images, has_aux=True)  # type: ignore[misc]
    ones_N = torch.ones_like(scores)
    slope_NCHW, push_forward = torch.func.vjp(lambda weights_N: pull_back(weights_N)[0], ones_N)[:2]
    slope_NCHW = slope_NCHW.detach()
    (along_N,) = push_forward(slope_NCHW)
    return scores, besides, 2 * along_N - slope_NCHW.square().sum(dim=(1, 2, 3))


def classification_loss(scores_NK: Tensor, labels_N: Tensor) -> Tensor:
    """How badly the classes of real pictures are told by their scores: the mean cross-entropy, in nats.

    Alone, the game compares a real picture with a generated one of the same class, and of a class with few pictures
    learns what is in all of them. This asks besides, of real pictures alone as in [Odena2017], which class a picture is
    of: the score that the generator climbs then is higher for what only this class has.
    """
    return F.cross_entropy(scores_NK, labels_N)


def gradient_penalty(squared_slopes: Tensor, gamma: float | Tensor) -> Tensor:
    """Charge the discriminator for being steep at these pictures.

    On real pictures this is R1 of [Mescheder2018], who prove local convergence
    with it; on generated ones it is R2, which [Huang2025] show to be needed as well.

    Args:
        squared_slopes: (N,) of `scores_and_slopes`. They grow with the number of pixels, so `gamma` does not carry
            over from one image size to another.
        gamma: weight, 0 or more.

    Returns:
        () gamma / 2 times their mean.
    """
    return gamma / 2 * squared_slopes.mean()
