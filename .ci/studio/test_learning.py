"""The Learn button's way, with real processes: a service, a trainer that is killed, a full disk, and a key."""

import json
import os
import shutil
import signal
from pathlib import Path

from support.learner import WITHIN_S, Learner, started_learner

SECRET = "a-secret-to-all-0123456789"


def test_a_trainer_that_is_killed_and_a_service_that_is_restarted_lose_nothing(learner: Learner):
    learner.grade()
    before = learner.ask("/models/digits")["card"]["version"]
    shutil.copytree(learner.folder / "models", learner.folder / "other")
    asked = learner.ask("/rounds", {"model": "digits", "strength": 0.9, "kimg": 24})["id"]
    options = ("--checkpoint-seconds", "1", "--once")
    first = learner.trainer("first.log", *options)
    shown = learner.until(asked, "training", shown=8_000)["progress"]["images_shown"]
    first.kill()
    first.wait()

    os.kill(learner.server.worker, signal.SIGKILL)
    second = learner.trainer("second.log", *options)
    learner.until(asked, "training", shown=shown)
    os.kill(learner.server.worker, signal.SIGKILL)
    done = learner.until(asked, "done")

    assert second.wait(30) == 0
    assert (done["before"], done["after"] != before) == (before, True)
    log = (learner.folder / "runs" / done["progress"]["run"] / "log.jsonl").read_text().splitlines()
    images = [json.loads(line)["images_shown"] for line in log]
    assert images == sorted(set(images))
    assert images[0] < shown
    assert learner.by_command("--strength", "0.9", "--kimg", "24") == done["after"]
    learner.server.wait_until(lambda: learner.ask("/models/digits")["card"]["version"] == done["after"], "served")


def test_a_signal_gives_the_round_back(learner: Learner):
    learner.grade(64)
    asked = learner.ask("/rounds", {"model": "digits", "kimg": 400, "force": True})["id"]
    process = learner.trainer("log1.log")
    learner.until(asked, "training", shown=64)
    process.terminate()

    assert process.wait(60) == 130
    assert learner.until(asked, "waiting")["reason"] is None
    assert learner.ask(f"/rounds/{asked}/cancel", {})["state"] == "cancelled"


def test_a_full_disk_fails_a_round_in_a_sentence_and_not_the_trainer(learner: Learner):
    learner.grade(64)
    asked = learner.ask("/rounds", {"model": "digits", "kimg": 24, "force": True})["id"]
    limited = ("bash", "-c", 'trap "" XFSZ; ulimit -f 200; exec "$@"', "limited")
    process = learner.trainer("full.log", "--once", "--checkpoint-seconds", "1", prefix=limited)

    failed = learner.until(asked, "failed", "done", "refused")
    assert failed["state"] == "failed"
    assert "cannot be written (File too large). Free some space" in failed["reason"]
    assert process.wait(60) == 0
    again = learner.ask("/rounds", {"model": "digits", "kimg": 24, "force": True})["id"]
    learner.trainer("free.log", "--once").wait(WITHIN_S)
    assert learner.until(again, "done")["after"]


def test_a_trainer_without_a_key_ends_with_a_sentence_and_with_one_it_works(
    learned_digits: Path,
    tmp_path: Path,
):
    with started_learner(tmp_path, learned_digits, SECRET, ZOETROPE_KEYS=f"t:draw,rate,admin:{SECRET}") as learner:
        process = learner.trainer("none.log", "--once")
        assert process.wait(WITHIN_S) == 1
        said = (tmp_path / "none.log").read_text()
        assert "This needs a key with the scope admin" in said
        assert "Traceback" not in said

        learner.grade(64)
        asked = learner.ask("/rounds", {"model": "digits", "kimg": 4, "force": True})["id"]
        process = learner.trainer("key.log", "--once", ZOETROPE_CLIENT_KEY=SECRET)
        assert learner.until(asked, "done")["state"] == "done"
        assert process.wait(60) == 0
        assert SECRET not in (tmp_path / "key.log").read_text()


def test_a_run_is_planned_confirmed_and_its_model_served(learner: Learner):
    asked = {"folder": "digits", "name": "mine", "minutes": 0.3}
    learner.ask("/runs", asked)
    learner.trainer("plan.log", "--once").wait(WITHIN_S)
    planned = learner.ask("/runs/mine/request")
    assert planned["state"] == "planned"
    assert "digits" in planned["plan"][0]
    learner.ask("/runs/mine/confirm", {})
    learner.trainer("run.log", "--once").wait(WITHIN_S)

    done = learner.ask("/runs/mine/request")
    assert done["state"] == "done", done
    learner.server.wait_until(lambda: learner.server.get("/models/mine")[0] == 200, "served")
    assert learner.ask("/models/mine")["card"]["version"] == done["version"]
