"""Training stays bounded on pictures that the presets were not tuned on."""

import numpy as np
import pytest
import torch
from support.picture_sets import SYNTHETIC, ellipses

from training.config import Settings, preset_named
from training.data.batches import Batches
from training.networks.geometry import Geometry
from training.train import new_state, take_step

SHOWN = 3_200
FULL_LENGTH = 100_000
"""So that the rate stays at its first value."""


def half_sized_ellipses() -> torch.Tensor:
    """(600, 3, 16, 16): quicker than 32 x 32, and as hard."""
    images = ellipses(np.random.default_rng(0), 600).reshape(600, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    return torch.from_numpy(images.round().astype(np.uint8).transpose(0, 3, 1, 2).copy())


def worst(settings: Settings, images_NCHW: torch.Tensor) -> tuple[float, float]:
    """Largest d_loss and deviation of generated pixels; stops where a run has diverged by either."""
    allowed = 3 * float((images_NCHW / 127.5 - 1).std()) + 0.1
    settings = settings.with_changes(blocks=1, precision="float32", images_shown=FULL_LENGTH)
    state = new_state(settings, Geometry(16, 16, 3, 2), torch.device("cpu"))
    batches = Batches(images_NCHW, None, state.random, settings.batch)
    d_loss = deviation = 0.0
    while state.images_shown < SHOWN and d_loss <= 20 and deviation <= allowed:
        seen = take_step(settings, batches, state)
        d_loss, deviation = max(d_loss, float(seen["d_loss"])), max(deviation, float(seen["deviation"]))
    return d_loss / 20, deviation / allowed


@pytest.mark.slow
def test_ellipses_diverge_at_this_rate_without_the_cures_and_not_with_them():
    """Ten seconds of one core; both shares are of what is allowed."""
    images = half_sized_ellipses()
    cured, rate = preset_named("small"), preset_named("small").learning_rate

    assert max(worst(preset_named("small", edition=1).with_changes(learning_rate=rate), images)) > 1
    assert max(worst(cured, images)) < 0.75


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_synthetic_set_is_the_same_every_time(name: str):
    make, _ = SYNTHETIC[name]
    one, other = (make(np.random.default_rng(3), 5) for _ in range(2))

    assert np.array_equal(one, other)
    assert one.dtype == np.uint8
    assert one.shape[:3] == (5, 32, 32)
    assert len(np.unique(one.reshape(5, -1), axis=0)) == 5
