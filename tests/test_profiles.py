"""The profiles, and the users that Locust runs for them."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from load.profiles import ALL_USERS, PROFILES, stage_at

ROOT = Path(__file__).parents[1]


def test_stages_run_one_after_the_other_and_then_the_profile_ends():
    first, second, *_ = PROFILES["steady"]
    seconds = sum(stage.seconds for stage in PROFILES["steady"])

    assert stage_at("steady", 0) is first
    assert stage_at("steady", first.seconds - 0.01) is first
    assert stage_at("steady", first.seconds) is second
    assert stage_at("steady", seconds - 0.01) is PROFILES["steady"][-1]
    assert stage_at("steady", seconds) is None


def test_users_of_another_class_start_only_after_a_pause():
    """Locust keeps the users that run, so without a pause the next stage would have the wrong ones."""
    for stages in PROFILES.values():
        for before, after in pairwise(stages):
            assert before.user_classes == after.user_classes or 0 in (before.user_count, after.user_count)


def test_all_profiles_together_take_less_than_two_minutes_of_requests():
    assert sum(stage.seconds for stages in PROFILES.values() for stage in stages) < 120


def test_every_user_class_of_the_profiles_is_in_the_locustfile():
    """In a process of its own: importing Locust patches the standard library."""
    found = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "load/locustfile.py", "--list"],
        cwd=ROOT,
        env={**os.environ, "LOAD_PROFILE": "smoke"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    named = {name for stages in PROFILES.values() for stage in stages for name in stage.user_classes}
    assert named == set(ALL_USERS)
    assert named <= {line.strip() for line in found.stdout.splitlines()}


def test_importing_the_load_test_leaves_locust_and_our_own_rooms_out():
    """Locust patches the standard library of the process that imports it; the rooms are what is measured."""
    code = (
        "import sys, load.__main__; print([n for n in ('locust', 'models', 'service', 'training') if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert found.stdout.strip() == "[]"
