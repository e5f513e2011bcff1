"""Half a cosine over the burn-in, constant after it, stretched to the planned length."""

from dataclasses import replace

import pytest

from training.config import preset_named
from training.schedule import schedule_at

settings = preset_named("tiny").with_changes(
    images_shown=1000,
    batch=10,
    learning_rate=(1.0, 0.0),
    gamma=(10.0, 1.0),
    beta2=(0.9, 0.99),
    warm_up_images=0,
)


@pytest.mark.parametrize(
    ("images_shown", "learning_rate", "gamma"), [(0, 1.0, 10.0), (400, 0.5, 5.5), (800, 0.0, 1.0), (1000, 0.0, 1.0)]
)
def test_values_by_hand(images_shown: int, learning_rate: float, gamma: float):
    """The burn-in is 80 %: 400 of 1,000 images are its middle, 800 its end."""
    schedule = schedule_at(settings, images_shown)

    assert schedule.learning_rate == pytest.approx(learning_rate, abs=1e-12)
    assert schedule.gamma == pytest.approx(gamma)


def test_the_rate_warms_up_from_one_batchs_worth_and_gamma_does_not():
    warming = settings.with_changes(warm_up_images=100, learning_rate=(1.0, 1.0))
    rates = [schedule_at(warming, images_shown).learning_rate for images_shown in (0, 10, 40, 90, 100, 1000)]

    assert rates == pytest.approx([0.1, 0.2, 0.5, 1, 1, 1])
    assert schedule_at(warming, 0).gamma == 10


def test_a_run_of_twice_the_length_is_the_same_story_at_half_the_speed():
    longer, shorter = schedule_at(settings.with_changes(images_shown=2000), 600), schedule_at(settings, 300)
    # Which steps have penalties is counted in batches, and not stretched.
    assert replace(longer, images_shown=300, penalty_times=shorter.penalty_times) == shorter
