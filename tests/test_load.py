"""Whether load/ passes what is right and fails what is not, from figures and bodies made by hand."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from load.answers import headers_fault, npy_fault, png_fault, sheet_shape
from load.bench.engine import Engine
from load.goals import GOALS, Measured, Row, crowded, judge, percentile_ms, rate_per_s, read_rows
from load.profiles import BATCHES, EVERYONE, FLAT_OUT, HALF_LOAD, PROFILES, stage_at

ROOT = Path(__file__).parents[1]
ENGINE_SENTENCE, P95_SENTENCE, OFFERED_SENTENCE = (goal.sentence for goal in GOALS[2:])
WRONG_SENTENCE, SILENT_SENTENCE = (goal.sentence for goal in GOALS[:2])
END_SENTENCE = "the run went to its end"


def row(profile: str, stage: str, per_s: int = 10, time_ms: int = 20, failures: int = 0) -> Row:
    """As if `per_s` answers had come in every second of a minute."""
    requests = 60 * per_s
    return Row(profile, stage, "anything", requests, failures, {time_ms: requests}, dict.fromkeys(range(60), per_s))


def good() -> Measured:
    """A run in which everything held: 8 batches a second, where the engine alone makes 10 times 1,024 images."""
    rates = {BATCHES[0]: 9, BATCHES[1]: 7, FLAT_OUT: 400, HALF_LOAD: 200}
    rows = [
        row(name, stage.name, rates.get(stage.name, 10))
        for name, stages in PROFILES.items()
        for stage in stages
        if stage.people
    ]
    return Measured(list(PROFILES), rows, engine_images_per_s=[9_000.0, 10_240.0, 11_000.0])


def with_row(changed: Row) -> Measured:
    """The good run with another row for one of its stages."""
    measured = good()
    measured.rows = [changed if old.stage == changed.stage else old for old in measured.rows]
    return measured


def missed(measured: Measured) -> set[str]:
    return {verdict.sentence for verdict in judge(measured) if not verdict.passed}


def test_a_run_in_which_everything_held_passes():
    assert missed(good()) == set()


def test_a_run_with_one_failed_request_fails():
    measured = with_row(row("smoke", "a few people", failures=1))

    assert missed(measured) == {WRONG_SENTENCE}


def test_a_run_without_any_figures_fails_every_goal():
    measured = Measured(list(PROFILES))

    assert {goal.sentence for goal in GOALS} <= missed(measured)


def test_a_stage_in_which_nobody_was_answered_fails():
    measured = good()
    measured.rows = [old for old in measured.rows if old.stage != "48 people"]

    assert missed(measured) == {SILENT_SENTENCE}


def test_a_stage_with_no_requests_at_all_fails():
    measured = with_row(Row("ramp", "48 people", "anything", 0, 0))

    assert missed(measured) == {SILENT_SENTENCE}


def test_batches_slower_than_the_share_of_the_engine_fail():
    """4 and 7 batches of 1,024 a second, where the engine makes 10: 0.55, and 0.6 is wanted."""
    measured = with_row(row("steady", BATCHES[0], per_s=4))

    assert missed(measured) == {ENGINE_SENTENCE}
    assert "0.55" in next(verdict.found for verdict in judge(measured) if verdict.sentence == ENGINE_SENTENCE)


def test_batches_without_a_measurement_of_the_engine_fail():
    measured = good()
    measured.engine_images_per_s = []

    assert missed(measured) == {ENGINE_SENTENCE}


def test_an_engine_that_had_to_share_its_cores_is_told_of():
    """With one core of two taken by others, batches would look as fast as the engine whatever they cost."""
    measured = good()
    assert not crowded(measured)

    measured.engine_core_shares = [0.95, 0.55, 0.6]
    assert crowded(measured)


def test_single_pictures_that_take_too_long_at_half_load_fail():
    measured = with_row(row("steady", HALF_LOAD, per_s=200, time_ms=151))

    assert missed(measured) == {P95_SENTENCE}


def test_quick_refusals_do_not_count_as_quick_pictures():
    measured = with_row(row("steady", HALF_LOAD, per_s=200, time_ms=1, failures=1))

    assert missed(measured) == {WRONG_SENTENCE, P95_SENTENCE}


def test_a_half_load_that_was_not_reached_fails():
    """200 a second are offered; with 150 the times are those of a lighter load."""
    measured = with_row(row("steady", HALF_LOAD, per_s=150))

    assert missed(measured) == {OFFERED_SENTENCE}


def test_a_locust_that_ends_with_an_error_fails_the_run():
    measured = good()
    measured.mishaps.append("Locust ended with 2 in ramp")

    assert missed(measured) == {END_SENTENCE}
    assert "Locust ended with 2 in ramp" in judge(measured)[0].found


def test_a_service_that_stops_half_way_fails_the_run():
    measured = good()
    measured.mishaps.append("the service stopped in steady (it ended with -9)")

    assert missed(measured) == {END_SENTENCE}


def test_a_profile_alone_is_judged_by_the_goals_that_it_can_show():
    measured = Measured(["smoke"], [row("smoke", "a few people")])

    assert [verdict.sentence for verdict in judge(measured)] == [END_SENTENCE, WRONG_SENTENCE, SILENT_SENTENCE]
    assert missed(measured) == set()


def test_a_rate_leaves_out_the_seconds_in_which_people_come_and_go():
    """Of seconds 100 to 109, the first two and the last do not count: seven are left, and one of them was silent."""
    per_second = {second: 7 for second in range(100, 110) if second != 105} | {100: 900, 109: 900}

    assert rate_per_s(per_second, 10) == pytest.approx(6)
    assert rate_per_s({}, 10) == 0


def test_a_percentile_is_the_time_within_which_that_share_came():
    times_ms = {10: 94, 200: 5, 3000: 1}

    assert percentile_ms(times_ms, 0.94) == 10
    assert percentile_ms(times_ms, 0.95) == 200
    assert percentile_ms({}, 0.95) is None


def test_locusts_figures_are_read_with_the_numbers_that_json_made_text():
    entry = {
        "name": "batches alone: npy of 1,024",
        "num_requests": 3,
        "num_failures": 1,
        "response_times": {"20": 2, "150.0": 1},
        "num_reqs_per_sec": {"1700000000": 3},
    }

    assert read_rows("steady", [entry]) == [
        Row("steady", "batches alone", "npy of 1,024", 3, 1, {20: 2, 150: 1}, {1_700_000_000: 3})
    ]


def test_stages_play_one_after_the_other_and_then_the_profile_ends():
    first, second, *_ = PROFILES["steady"]
    seconds = sum(stage.seconds for stage in PROFILES["steady"])

    assert stage_at("steady", 0) is first
    assert stage_at("steady", first.seconds - 0.01) is first
    assert stage_at("steady", first.seconds) is second
    assert stage_at("steady", seconds - 0.01) is PROFILES["steady"][-1]
    assert stage_at("steady", seconds) is None


def test_people_of_another_class_come_only_after_a_rest():
    """Locust keeps those who are there, so without a rest the next stage would have the wrong people."""
    for stages in PROFILES.values():
        for before, after in pairwise(stages):
            assert before.who == after.who or 0 in (before.people, after.people)


def test_all_profiles_together_take_less_than_two_minutes_of_asking():
    assert sum(stage.seconds for stages in PROFILES.values() for stage in stages) < 120


def png(height: int, width: int, mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 90).convert(mode).save(file, "png")
    return file.getvalue()


def npy(*shape: int, dtype: Any = np.uint8) -> bytes:
    file = io.BytesIO()
    np.save(file, np.random.default_rng(0).integers(0, 256, shape).astype(dtype))
    return file.getvalue()


def test_a_right_png_has_no_fault():
    assert png_fault(png(28, 20), (28, 20, 1)) is None
    assert png_fault(png(8, 9, "RGB"), (8, 9, 3)) is None


def test_a_sheet_has_a_gap_between_pictures_and_none_around():
    assert sheet_shape(64, (28, 28, 1)) == (238, 238, 1)
    assert sheet_shape(5, (12, 20, 3)) == (26, 64, 3)
    assert sheet_shape(1, (12, 20, 3)) == (12, 20, 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not a PNG"),
        (b'{"title": "Internal Server Error"}', "not a PNG"),
        (png(28, 28)[:-20], "a damaged PNG"),
        (png(28, 28)[:-12], "a damaged PNG"),
        (png(28, 28) + b"more", "4 bytes follow its end"),
        (png(28, 28).replace(b"IDAT", b"IDAX"), "the checksum of IDAX is wrong"),
        (png(27, 28), r"expected \(28, 28, 8, 0\)"),
        (png(28, 28, "RGB"), r"expected \(28, 28, 8, 0\)"),
    ],
)
def test_a_wrong_png_is_described(body: bytes, words: str):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(png_fault(body, (28, 28, 1)))


def test_a_right_npy_has_no_fault():
    assert npy_fault(npy(4, 8, 8, 1), (4, 8, 8, 1)) is None
    assert npy_fault(npy(1, 8, 8, 3), (1, 8, 8, 3)) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not an npy file"),
        (png(8, 8), "not an npy file"),
        (npy(4, 8, 8, 1)[:-1], "not an npy file"),
        (npy(4, 8, 8, 1) + b"!", "1 bytes too many"),
        (npy(3, 8, 8, 1), r"expected uint8 \(4, 8, 8, 1\)"),
        (npy(4, 8, 8, 1, dtype=np.float32), "npy of float32"),
        (npy(4, 8, 8, 1, dtype=bool).replace(b"|b1", b"|u1")[:128] + bytes(256), "one colour only"),
        (npy(4, 8, 8, 1)[:128] + 4 * bytes(range(64)), "first and last picture are the same"),
    ],
)
def test_a_wrong_npy_is_described(body: bytes, words: str):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(npy_fault(body, (4, 8, 8, 1)))


def test_headers_must_name_who_drew_and_repeat_the_seed_and_the_length():
    right = {"X-Model": "m", "X-Model-Version": "v", "X-Engine": "e", "X-Seed": "7", "Content-Length": "3"}

    assert headers_fault(right, b"abc", seed=7) is None
    assert headers_fault({**right, "X-Engine": ""}, b"abc", seed=7) == "no header X-Engine"
    assert headers_fault(right, b"abc", seed=8) == "X-Seed is not the seed that was asked for"
    assert headers_fault(right, b"ab", seed=7) == "Content-Length is not the length of the body"


def test_every_person_of_the_stages_is_in_the_locustfile():
    """In a process of its own: importing Locust rewrites the standard library."""
    found = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "load/locustfile.py", "--list"],
        cwd=ROOT,
        env={**os.environ, "LOAD_PROFILE": "smoke"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    named = {name for stages in PROFILES.values() for stage in stages for name in stage.who}
    assert named == set(EVERYONE)
    assert named <= {line.strip() for line in found.stdout.splitlines()}


def test_importing_the_judge_leaves_locust_and_our_own_rooms_out():
    """Locust would rewrite the standard library of whoever imports it; the rooms are what is measured."""
    code = (
        "import sys, load.__main__; print([n for n in ('locust', 'models', 'service', 'training') if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert found.stdout.strip() == "[]"


def test_a_row_that_is_replaced_is_one_of_the_good_run():
    """Otherwise the tests above would judge the good run, and say that it is bad for another reason."""
    changed = replace(good().rows[0], failures=5)

    assert len(with_row(changed).rows) == len(good().rows)
    assert changed in with_row(changed).rows


def test_the_engine_alone_draws_models_with_classes_too(bundles: Path):
    images_per_s, cores = Engine(bundles / "pets" / "generator.onnx").window(0.01)

    assert images_per_s > 0
    assert cores > 0
