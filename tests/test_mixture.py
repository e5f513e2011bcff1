"""Standard normal numbers become codes of a mixture, and codes become the numbers that made them."""

import numpy as np
import pytest
import torch

from training.networks.autoencoder import MixturePrior


def three_heaps(count: int) -> np.ndarray:
    """Codes (N, 2): half around (10, 0), a third around (-10, 0), the rest around (0, 10) with a slant."""
    random = np.random.default_rng(0)
    which = random.choice(3, count, p=[1 / 2, 1 / 3, 1 / 6])
    centres, slants = np.array([[10, 0], [-10, 0], [0, 10]]), np.array([[[1, 0], [0, 1]]] * 2 + [[[1, 0], [2, 0.5]]])
    return (centres[which] + np.einsum("nij,nj->ni", slants[which], random.normal(size=(count, 2)))).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> MixturePrior:
    mixture = MixturePrior(3, 2)
    mixture.fit(three_heaps(6000), iterations=100)
    return mixture


def test_codes_drawn_from_standard_normal_numbers_lie_as_those_it_was_fitted_to(fitted: MixturePrior):
    torch.manual_seed(0)
    drawn, real = fitted(torch.randn(20_000, 3)).numpy(), three_heaps(20_000)

    for centre, share in (((10, 0), 1 / 2), ((-10, 0), 1 / 3), ((0, 10), 1 / 6)):
        near = [np.linalg.norm(codes - centre, axis=1) < 9 for codes in (drawn, real)]
        assert near[0].mean() == pytest.approx(share, abs=0.015)
        covariances = [np.cov(codes[which].T) for codes, which in zip((drawn, real), near, strict=True)]
        assert np.allclose(covariances[0], covariances[1], atol=0.15, rtol=0.1)


def test_the_first_number_chooses_the_component_alone(fitted: MixturePrior):
    same = torch.zeros(101, 2)
    codes = fitted(torch.cat([torch.linspace(-4, 4, 101)[:, None], same], dim=1))

    assert len(torch.unique(codes, dim=0)) == 3


def test_inverting_and_drawing_again_is_the_same_code(fitted: MixturePrior):
    codes = torch.from_numpy(three_heaps(500))

    assert torch.allclose(fitted(fitted.invert(codes)), codes, atol=1e-4)


def test_inverted_codes_of_the_training_pictures_are_about_standard_normal(fitted: MixturePrior):
    z = fitted.invert(torch.from_numpy(three_heaps(6000)))

    assert z[:, 1:].std() == pytest.approx(1, abs=0.05)
    assert z.mean(dim=0).abs().max() < 0.15


def test_an_unfitted_mixture_passes_codes_through():
    z = torch.randn(10, 4)

    assert torch.equal(MixturePrior(5, 3)(z), z[:, 1:])
    assert torch.equal(MixturePrior(5, 3).invert(z[:, 1:])[:, 1:], z[:, 1:])


def test_few_codes_make_fewer_components_and_still_draw():
    mixture = MixturePrior(32, 3)
    mixture.fit(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32), iterations=100)

    assert torch.isfinite(mixture(torch.randn(1000, 4))).all()
    assert torch.isfinite(mixture.invert(torch.randn(10, 3))).all()


def test_the_same_codes_give_the_same_mixture():
    one, other = MixturePrior(4, 2), MixturePrior(4, 2)
    for mixture in (one, other):
        mixture.fit(three_heaps(1000), iterations=20)

    assert all(torch.equal(a, b) for a, b in zip(one.buffers(), other.buffers(), strict=True))
