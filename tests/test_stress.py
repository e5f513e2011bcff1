"""What the experiments make of what they find, by hand, and the quick ones against a service."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from load.bench.client import Response
from load.stress.__main__ import SHORT, Lengths, _arguments, lengths_of
from load.stress.crash import Responses, Restart, break_bundle, check_crash
from load.stress.determinism import IMAGES, decode_images, slices
from load.stress.harness import metric_sums
from load.stress.overload import OverloadSample, check_overload
from load.stress.soak import memory_growth


def overloaded(**changed: object) -> OverloadSample:
    """A minute in which all went as it should: 10 answers and 10 refusals a second."""
    fields = {
        "latencies_s": [0.5] * 600,
        "refusal_latencies_s": [0.01] * 600,
        "answered_in_time": 600,
        "send_delays_s": [0.001] * 1200,
        "resident_bytes": [100] * 60,
    }
    return OverloadSample(60.0, **{**fields, **changed})


def failed(sample: OverloadSample) -> list[str]:
    return [one.name for one in check_overload(sample, peak_per_s=2560, deadline_s=10) if not one.passed]


def test_an_overload_with_backpressure_fails_nothing():
    assert failed(overloaded()) == []


def test_each_way_to_handle_it_badly_fails():
    assert failed(overloaded(answered_in_time=500)) == ["goodput / peak"]
    assert failed(overloaded(refusal_latencies_s=[0.01] * 500 + [0.06] * 100)) == ["p99 latency of a refusal"]
    assert failed(overloaded(refusals_without_retry_after=1)) == ["refusals without Retry-After"]
    assert failed(overloaded(latencies_s=[11.0] * 600)) == ["p99 latency of an answer"]
    assert failed(overloaded(errors=["status 500"])) == ["answers that are neither"]
    assert failed(overloaded(resident_bytes=[100] * 50 + [120] * 10)) == ["memory at the end / at the beginning"]
    assert failed(overloaded(send_delays_s=[0.1] * 1200)) == ["p99 delay of the client's own sending"]
    assert failed(overloaded(refusal_latencies_s=[])) == ["requests refused", "p99 latency of a refusal"]


def crashes(**changed: object) -> list[str]:
    """The checks that fail, of two kills after which all went as it should unless it is changed."""
    responses, restarts = Responses(compared=20), changed.pop("restarts", [Restart(0.5, 4.0), Restart(1.0, 5.0)])
    for name, value in changed.items():
        setattr(responses, name, value)
    return [one.name for one in check_crash(restarts, responses, 2) if not one.passed]


def test_each_way_not_to_survive_a_kill_fails():
    assert crashes() == []
    assert crashes(restarts=[Restart(0.5, 4.0)]) == ["workers that were killed and replaced"]
    assert crashes(restarts=[Restart(0.5, 4.0), Restart(3.1, 1.0)]) == ["longest time until another worker runs"]
    assert crashes(compared=1) == ["complete responses that were compared"]
    assert crashes(wrong=1) == ["of these, with a wrong byte"]
    assert crashes(unexpected=[500]) == ["responses that are neither pictures nor 503"]


def test_only_complete_pictures_are_compared():
    responses = Responses()
    found = [Response(200, {}, b"a"), Response(200, {}, b"b"), Response(503, {}, b"a"), Response(500, {}, b"a")]

    assert [responses.add(one, b"a") for one in found] == [True, False, False, False]
    assert responses == Responses(compared=2, wrong=1, refused=1, unexpected=[500])


def test_a_broken_bundle_has_its_folders_name_and_half_of_its_largest_file(tmp_path: Path):
    (tmp_path / "card.json").write_text('{"name": "mnist", "format": 2}')
    (tmp_path / "weights").write_bytes(bytes(1000))
    break_bundle(tmp_path)

    assert json.loads((tmp_path / "card.json").read_text()) == {"name": tmp_path.name, "format": 2}
    assert (tmp_path / "weights").stat().st_size == 500


def test_metrics_are_summed_over_their_labels():
    text = '# HELP a_total x\n# TYPE a_total counter\na_total{model="m"} 3\na_total{model="n"} 4.0\nb 1e3 1700000000\n'

    assert metric_sums(text) == {"a_total": 7, "b": 1000}


def test_memory_is_that_of_the_last_interval_over_the_fifths():
    intervals = [[900], [800], [700], [600], [100, 110, 120], [500], [121, 121]]

    assert memory_growth(intervals) == 1.1
    assert memory_growth(intervals[:5]) is None


def test_a_zip_and_an_npy_of_the_same_images_are_the_same_pixels():
    for channels in (1, 3):
        images = np.random.default_rng(channels).integers(0, 256, (2, 4, 5, channels), np.uint8)
        npy, zipped = io.BytesIO(), io.BytesIO()
        np.save(npy, images)
        with zipfile.ZipFile(zipped, "w") as entries:
            for number, pixels in enumerate(images):
                png = io.BytesIO()
                Image.fromarray(pixels.squeeze()).save(png, "PNG")
                entries.writestr(f"{number}.png", png.getvalue())

        assert np.array_equal(decode_images(npy.getvalue(), "npy"), images)
        assert np.array_equal(decode_images(zipped.getvalue(), "zip"), images)


def test_every_size_is_requested_as_npy_and_as_zip_within_the_reference():
    requested = list(slices())

    assert {(one.n, one.format) for one in requested} == {
        (n, kind) for n in (1, 7, 64, 1000) for kind in ("npy", "zip")
    }
    assert all(one.start + one.n <= IMAGES for one in requested)


def test_a_short_form_takes_seconds_and_options_win_over_it():
    lengths = lengths_of(_arguments(["soak", "--short"]))

    assert lengths == SHORT
    assert lengths.overload_s + lengths.fairness_s + 60 * lengths.soak_minutes < 60
    assert lengths_of(_arguments(["soak"])) == Lengths()
    assert lengths_of(_arguments(["soak", "--short", "--minutes", "2"])).soak_minutes == 2


@pytest.mark.parametrize(("old", "new"), [("callers", "batching"), ("same", "determinism")])
def test_an_old_name_of_an_experiment_still_runs_and_prints_the_new_one(
    old: str, new: str, capsys: pytest.CaptureFixture[str]
):
    assert _arguments([old]).experiment == new
    assert f"python -m load.stress {new}" in capsys.readouterr().err


def test_the_old_name_of_the_command_still_runs_and_prints_the_new_one():
    done = subprocess.run([sys.executable, "-m", "load.siege", "--help"], capture_output=True, text=True, check=True)

    assert "python -m load.stress" in done.stderr
    assert "overload" in done.stdout


@pytest.mark.slow
def test_a_short_soak_of_the_service_finds_no_error():
    """Twelve seconds of what `python -m load.stress soak` does for half an hour."""
    command = [sys.executable, "-m", "load.stress", "soak", "--short", "--minutes", "0.2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass  errors" in done.stdout
