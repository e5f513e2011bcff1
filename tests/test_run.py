"""A run's folder goes on only with what it was begun with."""

import fcntl
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from training.config import preset_named
from training.data.dataset import Pictures
from training.run import Run, RunBusy, RunDiffers

PICTURES = Pictures("some", np.zeros((3, 8, 8, 1), np.uint8), "ab" * 32, ())
settings = preset_named("tiny")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.begin(settings, PICTURES)
    return run


def test_the_settings_come_back_as_they_were(run: Run):
    assert run.settings() == settings


def test_the_same_run_may_be_begun_again(run: Run):
    run.begin(settings, PICTURES)


def test_a_run_of_an_older_version_that_lacks_newer_settings_may_be_begun_again(run: Run):
    config = run.config()
    for name in ("fan_in_reference", "update_clip", "warm_up_images"):
        del config["settings"][name]
    run.write("config.json", json.dumps(config).encode())
    first = settings.with_changes(fan_in_reference=0, update_clip=0.0, warm_up_images=0)

    run.begin(first, PICTURES)
    assert run.config() == config
    with pytest.raises(RunDiffers, match="fan_in_reference was 0, now 288"):
        run.begin(first.with_changes(fan_in_reference=288), PICTURES)


def test_another_run_is_refused_naming_what_differs(run: Run):
    other = Pictures("other", PICTURES.images, "cd" * 32, ())

    with pytest.raises(RunDiffers, match=r"with --run .*batch was 128, now 64; name was some, now other; digest"):
        run.begin(settings.with_changes(batch=64), other)


def test_a_refusal_says_what_to_do_first_and_names_at_most_three_differences(run: Run):
    changed = settings.with_changes(batch=64, seed=9, width=8, code_size=4, images_shown=6_400)

    with pytest.raises(RunDiffers) as refused:
        run.begin(changed, PICTURES)
    advice, found = str(refused.value).split(" Found: ")

    assert "Choose another folder with --run" in advice
    assert found.count(" was ") == 3
    assert found.endswith("; and 2 more.")


def test_a_check_refuses_what_beginning_refuses_and_writes_nothing(run: Run, tmp_path: Path):
    before = run.config()
    with pytest.raises(RunDiffers, match="batch was 128, now 64"):
        run.check(settings.with_changes(batch=64), PICTURES)
    run.check(settings.with_changes(images_shown=3_000_000), PICTURES, come_to=settings.images_shown)
    Run(tmp_path / "new").check(settings, PICTURES)

    assert run.config() == before
    assert not (tmp_path / "new").exists()


def test_a_run_that_has_come_to_its_end_may_become_longer(run: Run):
    for planned, longer in ((settings.images_shown, 3_000_000), (3_000_000, 4_000_000)):
        run.begin(settings.with_changes(images_shown=longer), PICTURES, come_to=planned)

    assert run.settings() == settings.with_changes(images_shown=4_000_000)
    assert run.config()["lengthened"] == [settings.images_shown, 3_000_000]


@pytest.mark.parametrize(("shown", "asked"), [(1.0, 0.5), (None, 2.0)])
def test_a_run_that_is_asked_to_be_shorter_than_it_is_or_compared_is_refused(run, shown, asked):
    come_to = None if shown is None else int(settings.images_shown * shown)
    other = settings.with_changes(images_shown=int(settings.images_shown * asked))

    with pytest.raises(RunDiffers, match=r"`fit` goes on with another length.*images_shown was"):
        run.begin(other, PICTURES, come_to=come_to)
    assert run.settings() == settings


def test_length_rate_and_penalty_may_change_within_a_run_and_each_change_is_told_and_kept(run: Run):
    changed = settings.with_changes(gamma=(2.0, 0.2), learning_rate=(1e-3, 1e-4), images_shown=90_000)

    assert run.check(changed, PICTURES, come_to=40_000) == [
        "the run goes on from image 40,000 with images_shown 90,000 (was 200,000), learning_rate 0.001 to 0.0001 "
        "(was 0.002 to 0.0004), gamma 2 to 0.2 (was 0.5 to 0.05)"
    ]
    assert run.settings() == settings
    run.begin(changed, PICTURES, come_to=40_000)
    assert run.settings() == changed
    assert run.check(changed, PICTURES, come_to=40_000) == []
    run.begin(changed.with_changes(gamma=(3.0, 0.3)), PICTURES, come_to=50_000)
    assert [(record["images_shown"], list(record["changed"])) for record in run.config()["changes"]] == [
        (40_000, ["images_shown", "learning_rate", "gamma"]),
        (50_000, ["gamma"]),
    ]
    assert "lengthened" not in run.config()


def test_what_would_make_it_another_run_stays_refused_when_something_changes_that_may(run: Run):
    with pytest.raises(RunDiffers, match=r"Found: batch was 128, now 64\."):
        run.begin(settings.with_changes(batch=64, gamma=(2.0, 0.2)), PICTURES, come_to=40_000)

    assert run.settings() == settings


def of_classes(count: int, names: tuple[str, ...] = ("a", "b"), name: str = "some") -> Pictures:
    images = np.full((count, 8, 8, 1), count, np.uint8)
    return Pictures(name, images, f"{count:064x}", (), np.arange(count) % len(names), names)


def test_more_pictures_of_the_same_kind_join_a_run_and_fewer_or_others_do_not(tmp_path: Path):
    run = Run(tmp_path / "run")
    run.begin(settings, of_classes(6))
    told = run.check(settings, of_classes(8), come_to=1_000)
    run.begin(settings, of_classes(8), come_to=1_000)

    assert told == ["the run goes on from image 1,000 with pictures 8 (was 6)"]
    assert (run.config()["data"]["images"], run.config()["data"]["digest"]) == (8, f"{8:064x}")
    for other in (of_classes(6), of_classes(9, ("a", "c")), of_classes(9, name="other")):
        with pytest.raises(RunDiffers, match=r"images was 8, now|name was some, now other"):
            run.begin(settings, other, come_to=1_000)


def test_a_run_remembers_the_minutes_that_its_length_follows_from(run: Run, tmp_path: Path):
    assert Run(tmp_path / "none").minutes is None
    assert run.minutes is None
    run.begin(settings, PICTURES, come_to=0, minutes=30)
    assert run.minutes == 30
    run.begin(settings, PICTURES, come_to=0)
    assert run.minutes is None


def test_log_lines_after_the_checkpoint_are_written_again(run: Run):
    for images_shown in (100, 200, 300):
        run.log({"images_shown": images_shown})

    run.resume_from(200)

    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    assert [line["images_shown"] for line in lines] == [100, 200]


def test_a_process_killed_while_it_cuts_the_log_leaves_the_log_whole(run: Run, monkeypatch: pytest.MonkeyPatch):
    run.log({"images_shown": 100})
    before = (run.path / "log.jsonl").read_text()

    def killed(path: Path, data: bytes) -> None:
        path.write_bytes(data[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr("models.files.write_synced", killed)
    with pytest.raises(KeyboardInterrupt):
        run.resume_from(50)

    assert (run.path / "log.jsonl").read_text() == before


def test_a_half_written_log_line_is_dropped(run: Run):
    run.log({"images_shown": 100})
    with (run.path / "log.jsonl").open("a") as file:
        file.write('{"images_shown": 1')

    run.resume_from(200)

    assert (run.path / "log.jsonl").read_text() == '{"images_shown": 100}\n'


def test_two_processes_do_not_train_in_one_folder(run: Run):
    with (
        run.lock(),
        pytest.raises(RunBusy, match=r"is being trained by another process.*--run"),
        Run(run.path).lock(),
    ):
        pass
    with run.lock():
        pass


def test_a_service_that_looks_at_the_lock_for_a_moment_stops_no_training(run: Run):
    looking, looked = (run.path / "lock").open("w"), threading.Event()
    fcntl.flock(looking, fcntl.LOCK_SH)

    def look() -> None:
        looked.wait(0.06)  # the first tries fail
        looking.close()

    thread = threading.Thread(target=look)
    thread.start()
    with run.lock():
        pass
    thread.join()


def test_a_folder_without_a_run_is_named(tmp_path: Path):
    with pytest.raises(
        FileNotFoundError, match=r"config\.json: no such file\. Expected the folder of a run; there is none"
    ):
        Run(tmp_path / "nowhere").config()


def test_an_error_names_the_runs_that_there_are_and_none_that_is_not(run: Run, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=rf"Expected the folder of a run: {run.path}\.$"):
        Run(tmp_path / "runn").config()
    with pytest.raises(FileNotFoundError, match=rf"Expected the folder of a run: {run.path}\.$"):
        Run(run.path.parent).config()


def test_sheets_are_named_by_thousands_of_images(run: Run):
    assert run.show(np.zeros((4, 8, 8, 1), np.uint8), 12_345).name == "000012.png"
    assert (run.path / "samples" / "000012.png").stat().st_size > 50
