"""What marks may cost, judged from samples made by hand."""

import pytest

from load.bench.marks import ZIP, check_marks
from load.bench.measurements import Measurements, Sample
from load.bench.servers import DEFAULT, UNMARKED


def measured(marked: Sample, unmarked: Sample) -> Measurements:
    found = Measurements()
    found.add(DEFAULT, ZIP, 0, marked)
    found.add(UNMARKED.name, ZIP, 0, unmarked)
    return found


def zips(images_per_s: float, cpu_us: float, picture_bytes: int) -> Sample:
    return Sample(
        10_240, server_cpu_s=10_240e-6 * cpu_us, wall_s=10_240 / images_per_s, body_bytes=1024 * picture_bytes
    )


def test_rate_bytes_and_time_are_those_of_marked_pictures_against_unmarked_ones():
    results = check_marks(measured(zips(9_600, 105.5, 860), zips(10_000, 100, 300)))

    assert [one.found for one in results] == ["0.960", "560", "5.5 us"]
    assert all(one.passed for one in results)


@pytest.mark.parametrize(
    ("marked", "failed"),
    [(zips(9_400, 100, 300), 0), (zips(10_000, 100, 1_001), 1), (zips(10_000, 106.1, 300), 2)],
)
def test_each_has_a_limit(marked: Sample, failed: int):
    results = check_marks(measured(marked, zips(10_000, 100, 300)))

    assert [one.passed for one in results] == [at != failed for at in range(3)]


def test_what_was_not_measured_does_not_pass():
    assert not any(one.passed for one in check_marks(Measurements()))
