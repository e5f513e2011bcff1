"""What a run costs is told in words before it starts, with a warning for each excess."""

import pytest

from training.budget import Forecast, cores, duration, in_words

HOUR_S = 3_600.0


def test_times_are_hours_and_minutes():
    assert duration(3_723.4) == "1:02 h"
    assert duration(90_000) == "25:00 h"
    assert duration(7) == "0:01 h"
    assert duration(0) == "0:00 h"
    assert duration(None) == "not known yet"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "about 1 seconds"),
        (42, "about 42 seconds"),
        (25 * 60, "about 25 minutes"),
        (1.54 * HOUR_S, "about 1.5 hours"),
        (14.2 * HOUR_S, "about 14 hours"),
        (54 * HOUR_S, "about 2 days"),
    ],
)
def test_a_length_of_time_has_words(seconds: float, words: str):
    assert in_words(seconds) == words


def test_a_long_run_on_a_cpu_is_told_with_what_is_shorter_and_a_warning():
    assert Forecast(14 * HOUR_S, 1_400_000, cores(2), on_cpu=True, side_pixels=64, images_in_all=1_400_000).lines() == [
        "1,400,000 images to show: about 14 hours of two cores; --minutes 60 gives a rougher model",
        "warning: 14:00 h is long for a CPU. Give --minutes, a smaller --size, or a GPU.",
    ]


def test_a_short_run_and_a_long_one_on_a_gpu_are_told_without_a_warning():
    assert Forecast(600, 40_000, cores(1), on_cpu=True, side_pixels=64, images_in_all=40_000).lines() == [
        "40,000 images to show: about 10 minutes of one core"
    ]
    on_gpu = Forecast(14 * HOUR_S, 9_000_000, "NVIDIA H100", on_cpu=False, side_pixels=128, images_in_all=9_000_000)
    assert len(on_gpu.lines()) == 1


def test_a_run_too_short_to_learn_anything_is_told_so():
    _, warning = Forecast(2, 192, cores(2), on_cpu=True, side_pixels=8, images_in_all=192).lines()

    assert warning == (
        "warning: 192 images in all are too few to learn from: expect noise. Give more --kimg, better some hundreds, "
        "or more --minutes: 2,000 take about 21 seconds here."
    )


def test_a_run_that_gets_little_of_its_cores_is_told_so_with_the_time_that_it_would_take_alone():
    """Before: on a busy machine a run of 16 minutes was foretold as 13 hours, without a reason."""
    busy = Forecast(4_000, 40_000, cores(2), True, side_pixels=64, images_in_all=40_000, cores_share=0.25)

    assert busy.lines()[1] == (
        "warning: other programs are busy here, and training gets 25% of two cores. With all of them it takes about 17 "
        "minutes."
    )
    assert len(Forecast(4_000, 40_000, cores(2), True, 64, 40_000, cores_share=0.85).lines()) == 1


def test_pictures_above_128_pixels_are_warned_of():
    *_, warning = Forecast(600, 40_000, cores(16), on_cpu=False, side_pixels=256, images_in_all=40_000).lines()

    assert warning == (
        "warning: 256 pixels a side is more than the 128 that the presets were chosen for: slow, and it may not learn. "
        "Take --size 128 or less."
    )
    assert cores(16) == "16 cores"
