"""What the experiments make of what they find, by hand, and the quick ones against a service."""

import io
import zipfile

import numpy as np
from PIL import Image

from load.stress.determinism import IMAGES, pictures, questions
from load.stress.harness import at_least, at_most, counters
from load.stress.overload import Flood, judged
from load.stress.soak import growth


def flood(**changed: object) -> Flood:
    """A minute in which all went as it should: 10 answers and 10 refusals a second."""
    fields = {
        "waits_s": [0.5] * 600,
        "refusals_s": [0.01] * 600,
        "answered_in_time": 600,
        "late_s": [0.001] * 1200,
        "resident_bytes": [100] * 60,
    }
    return Flood(60.0, **{**fields, **changed})


def missed(found: Flood) -> list[str]:
    return [one.sentence for one in judged(found, peak_per_s=2560, deadline_s=10) if not one.passed]


def test_an_overload_that_is_borne_misses_nothing():
    assert missed(flood()) == []


def test_each_way_to_bear_it_badly_is_seen():
    assert missed(flood(answered_in_time=500)) == ["goodput / peak"]
    assert missed(flood(refusals_s=[0.01] * 500 + [0.06] * 100)) == ["p99 of a refusal"]
    assert missed(flood(without_retry_after=1)) == ["refusals without Retry-After"]
    assert missed(flood(waits_s=[11.0] * 600)) == ["p99 of an answer"]
    assert missed(flood(faults=["status 500"])) == ["answers that are neither"]
    assert missed(flood(resident_bytes=[100] * 50 + [120] * 10)) == ["memory at the end / at the beginning"]
    assert missed(flood(late_s=[0.1] * 1200)) == ["p99 of our own lateness"]
    assert missed(flood(refusals_s=[])) == ["questions refused", "p99 of a refusal"]


def test_counters_are_summed_over_their_labels():
    text = '# HELP a_total x\n# TYPE a_total counter\na_total{model="m"} 3\na_total{model="n"} 4.0\nb 1e3 1700000000\n'

    assert counters(text) == {"a_total": 7, "b": 1000}


def test_what_is_missing_is_told_and_counts_as_missed():
    for verdict in (at_least("a", None, 1), at_most("a", None, 1)):
        assert (verdict.found, verdict.passed) == ("missing", False)
    assert at_most("a", 2.5, 2, " s") == at_most("a", 2.5, 2, " s")
    assert (at_most("a", 2.5, 2, " s").wanted, at_most("a", 2.5, 2, " s").found) == ("at most 2 s", "2.5 s")


def test_memory_is_that_of_the_last_minute_over_the_fifths():
    minutes = [[900], [800], [700], [600], [100, 110, 120], [500], [121, 121]]

    assert growth(minutes) == 1.1
    assert growth(minutes[:5]) is None


def test_a_zip_and_an_npy_of_the_same_pictures_are_the_same_pixels():
    for channels in (1, 3):
        images = np.random.default_rng(channels).integers(0, 256, (2, 4, 5, channels), np.uint8)
        npy, zipped = io.BytesIO(), io.BytesIO()
        np.save(npy, images)
        with zipfile.ZipFile(zipped, "w") as entries:
            for number, pixels in enumerate(images):
                png = io.BytesIO()
                Image.fromarray(pixels.squeeze()).save(png, "PNG")
                entries.writestr(f"{number}.png", png.getvalue())

        assert np.array_equal(pictures(npy.getvalue(), "npy"), images)
        assert np.array_equal(pictures(zipped.getvalue(), "zip"), images)


def test_every_size_is_asked_for_as_npy_and_as_zip_within_the_reference():
    asked = list(questions())

    assert {(one.n, one.format) for one in asked} == {(n, kind) for n in (1, 7, 64, 1000) for kind in ("npy", "zip")}
    assert all(one.start + one.n <= IMAGES for one in asked)
