"""A trainer takes what people ask for, trains it as `finetune` does, and says in words how it ended."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.hosted import free_port, hosted
from support.in_process import started_app
from support.pretrained import noise, write_pretrained

from models.bundle import open_bundle
from models.runtime import Runtime
from service.access.rules import Access
from service.app import App
from service.settings import read_settings
from training import throughput
from training.checkpoint import images_shown_in
from training.cli.show_plan import plan_lines
from training.data.dataset import open_pictures
from training.device import ComputeContext
from training.feedback.ratings_client import KEY_VARIABLE
from training.run import Run
from training.trainer import lease, loop
from training.trainer.lease import Lease
from training.trainer.loop import Trainer
from training.trainer.place import Place, only_trainer
from training.trainer.rounds import train_round
from training.trainer.service_client import ServiceClient, ServiceRefuses, use_key_file

CONTEXT = ComputeContext(torch.device("cpu"))
SHORT = {"model": "small", "kimg": 0.3, "force": True}
SECRET = "a-secret-to-all-0123456789"


@dataclass
class Workplace:
    """A service with a model, its pictures in a folder, and a trainer next to it."""

    folder: Path
    app: App
    port: int
    url: str
    told: list[str] = field(default_factory=list)

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def grade(self, count: int = 60, grader: str = "ann", tossed: bool = False) -> None:
        """Grades by a person who likes bright pictures, or who tosses a coin."""
        runtime = Runtime(open_bundle(self.folder / "models" / "small"))
        levels = runtime.generate(5, 0, count).mean(axis=(1, 2, 3))
        liked = np.random.default_rng(0).random(count) < 0.5 if tossed else levels > np.median(levels)
        picture = {"model": "small", "version": runtime.card.version, "seed": 5, "grader": grader}
        self.ask("/ratings", [picture | {"index": at, "score": float(one)} for at, one in enumerate(liked)])

    def round(self, **body: Any) -> str:
        return self.ask("/rounds", SHORT | body)["id"]

    def trainer(self, name: str = "desk") -> Trainer:
        place = Place(self.folder / "models", root=self.folder)
        return Trainer(ServiceClient(self.url), name, place, CONTEXT, plan_lines, self.told.append)

    def trained(self, **body: Any) -> dict:
        """A round, after its trainer is through with it."""
        asked = self.round(**body)
        self.trainer().run(once=True)
        return self.ask(f"/rounds/{asked}")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWED_EVERY_S", 0.02)
    for name in ("_TRIED_SECONDS", "FORECAST_SECONDS"):
        monkeypatch.setattr(throughput, name, 0.1)
    for module in (lease, loop):
        monkeypatch.setattr(module, "AGAIN_AFTER_S", 0.02)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    monkeypatch.chdir(tmp_path)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, pixels in enumerate(noise(40)):
        Image.fromarray(pixels[:, :, 0] // (1 + number % 2)).save(pictures / f"{number}.png")
    opened = open_pictures(str(pictures), cache=None)
    card = write_pretrained(tmp_path / "models" / "small", data_digest=opened.digest).card
    Run(Path("runs/small")).begin(_settings(card), opened, source=str(pictures))
    app = started_app(tmp_path / "models", f"sqlite:///{tmp_path / 'grades.db'}", default_model="small")
    port = free_port()
    with hosted(app, port) as url:
        yield Workplace(tmp_path, app, port, url)
    app.stop()


def _settings(card: Any) -> Any:
    from training.config import Settings

    return Settings.from_json(card.training.options)


def test_a_round_makes_one_version_even_if_its_trainer_dies_before_it_can_say_so(work: Workplace):
    work.grade()
    before = open_bundle(work.folder / "models" / "small").card.version
    asked = work.round()
    service, place = ServiceClient(work.url), Place(work.folder / "models")
    task = service.take("desk", 60)
    with Lease(service, task, work.told.append) as held:
        dying = train_round(task, service.ratings, place, CONTEXT, held)
    work.trainer().run(once=True)

    done = work.ask(f"/rounds/{asked}")
    written = open_bundle(work.folder / "models" / "small").card
    assert (done["state"], done["before"], done["after"]) == ("done", before, written.version)
    assert dying.result["after"] == done["after"]
    assert f"small {done['after']} was written already: this round is done" in work.told
    assert (written.lineage.parent, written.lineage.grades) == (before, 60)
    assert (work.folder / "models" / f"small@{before}").is_dir()
    config = Path("runs") / held._steps["run"] / "config.json"
    assert json.loads(config.read_text())["source"] == str(work.folder / "pictures")
    assert held._steps["images_shown"] >= held._steps["images"] == 300


def test_grades_that_contradict_each_other_are_refused_in_words(work: Workplace):
    work.grade(tossed=True)

    refused = work.trained(force=False)

    assert refused["state"] == "refused"
    assert (
        "found 60 grades that say little: of two held-out pictures with different grades the better"
        in refused["reason"]
    )
    assert refused["force_helps"]
    assert "--force" not in refused["reason"]  # it is read on a page, which has a button for that


def test_graders_who_are_left_out_teach_nothing(work: Workplace):
    work.grade(5)
    work.grade(7, grader="bob")

    assert work.trained(without=["bob"])["progress"]["lines"][0].startswith("found 5 grades of small")
    refused = work.trained(without=["ann", "bob"])
    assert refused["state"] == "refused"
    assert "found no grades of small but those of ann, bob, which are left out" in refused["reason"]
    assert not refused["force_helps"]


def test_grades_that_come_after_it_was_asked_for_are_left_to_the_next_round(work: Workplace):
    work.grade(5)
    asked = work.round()
    work.grade(7, grader="bob")
    work.trainer().run(once=True)

    assert work.ask(f"/rounds/{asked}")["progress"]["lines"][0].startswith("found 5 grades of small")


def test_pictures_that_were_moved_away_are_told_and_the_round_may_be_asked_for_again(work: Workplace):
    work.grade(5)
    (work.folder / "pictures").rename(work.folder / "elsewhere")

    failed = work.trained()
    assert failed["state"] == "failed"
    assert failed["reason"].startswith(
        f"{work.folder / 'pictures'}: found nothing there, expected the pictures of small."
    )
    assert "or start the trainer with --pictures small=FOLDER. Nothing is lost" in failed["reason"]
    (work.folder / "elsewhere").rename(work.folder / "pictures")
    assert work.trained()["reason"] == "found 5 grades, expected 10 or more. Grade at least 5 more."


def test_the_pictures_of_a_model_are_named_by_its_run_or_by_an_option(tmp_path: Path):
    card = write_pretrained(tmp_path / "small").card
    place = Place(tmp_path, tmp_path / "runs")

    with pytest.raises(FileNotFoundError, match=r"no run in .* says where the pictures of small \(none\) are"):
        place.pictures_of(card)
    assert Place(tmp_path, tmp_path / "runs", {"": str(tmp_path)}).pictures_of(card) == str(tmp_path)
    named = {"small": str(tmp_path / "small"), "": str(tmp_path)}
    assert Place(tmp_path, tmp_path / "runs", named).pictures_of(card) == str(tmp_path / "small")
    assert Place.here([f"small={tmp_path}", "a/b=c"]).pictures == {"small": str(tmp_path), "": "a/b=c"}


def when_it_trains(work: Workplace, place: str, act: Any) -> threading.Thread:
    """Does something as soon as what is asked for has a trainer that shows pictures."""

    def watch() -> None:
        while work.ask(place)["state"] != "training":
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_round_that_is_cancelled_while_it_trains_stops_and_leaves_the_model(work: Workplace):
    work.grade()
    before = open_bundle(work.folder / "models" / "small").card.version
    asked = work.round(kimg=10_000)
    watch = when_it_trains(work, f"/rounds/{asked}", lambda: work.ask(f"/rounds/{asked}/cancel", {}))

    work.trainer().run(once=True)
    watch.join()

    assert work.ask(f"/rounds/{asked}")["state"] == "cancelled"
    assert open_bundle(work.folder / "models" / "small").card.version == before


def test_a_service_that_is_away_while_a_round_trains_hears_of_its_end_when_it_is_back(work: Workplace):
    work.grade()
    asked = work.round(kimg=3)
    task = ServiceClient(work.url).take("desk", 60)
    with hosted(work.app, free_port()) as url, Lease(ServiceClient(url), task, work.told.append) as held:
        held.step("run", 32, 3_000)
        while work.ask(f"/rounds/{asked}")["state"] != "training":
            time.sleep(0.05)
        port = int(url.rpartition(":")[2])
        away = threading.Event()
        held._tell = lambda line: (work.told.append(line), away.set())
        thread = threading.Thread(target=lambda: held.end("done", result={"after": "1" * 16}))
    # The block has stopped the server: it is away now.
    thread.start()
    assert away.wait(10)
    with hosted(work.app, port):
        thread.join(10)

    assert work.ask(f"/rounds/{asked}")["after"] == "1" * 16
    assert "does not answer (Connection refused). The work goes on, and this is told to the service" in work.told[0]
    assert work.told[-1] == "The service is there again."


def test_a_folder_of_models_that_the_service_does_not_serve_is_told(work: Workplace):
    work.grade(5)
    asked = work.round()
    task = ServiceClient(work.url).take("desk", 60)
    work.trainer().work(replace(task, result={"before": "0" * 16}))

    reason = work.ask(f"/rounds/{asked}")["reason"]
    assert "of small, expected 0000000000000000, which the round was asked for. Where the service serves" in reason


def test_a_key_that_is_missing_or_wrong_ends_the_trainer_in_words(
    work: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(work.app, "access", Access(read_settings({"ZOETROPE_KEYS": f"t:rate,admin:{SECRET}"})))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(ServiceRefuses) as missing:
        work.trainer().run(once=True)
    assert "found 401: This needs a key with the scope admin: keys are set." in str(missing.value)
    assert "A trainer sends the key in --key-file, or in ZOETROPE_CLIENT_KEY; it needs the scopes rate and" in str(
        missing.value
    )

    monkeypatch.setenv(KEY_VARIABLE, "a-wrong-one")
    with pytest.raises(ServiceRefuses, match="is not known here: it is wrong, or was taken back"):
        work.trainer().run(once=True)

    file = tmp_path / "key"
    file.write_text(f"# the trainer's\nt:rate,admin:{SECRET}\n")
    use_key_file(file)
    assert ServiceClient(work.url).take("desk", 60) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "found 0 lines, expected one line: the secret of a key, or NAME:SCOPES:SECRET"),
        (f"{SECRET}\n{SECRET}\n", "found 2 lines"),
        ("t:rate,admin:sha256:" + "0" * 64, "found a digest, which is no key"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_a_secret(tmp_path: Path, content: str, words: str):
    (tmp_path / "key").write_text(content)

    with pytest.raises(ValueError, match="key") as found:
        use_key_file(tmp_path / "key")
    assert words in str(found.value)
    assert SECRET not in str(found.value)
    with pytest.raises(ValueError, match="found No such file or directory, expected a file with a key"):
        use_key_file(tmp_path / "none")


def test_a_folder_has_one_trainer_at_a_time_which_keeps_its_name(tmp_path: Path):
    one_more = pytest.raises(ValueError, match="found a trainer at work here, expected none")
    with only_trainer(tmp_path) as name, one_more, only_trainer(tmp_path):
        pass
    with only_trainer(tmp_path) as again:
        assert again == name


def test_a_run_is_planned_confirmed_stopped_and_continued(work: Workplace):
    work.app.settings = work.app.settings.model_copy(update={"pictures": work.folder})
    work.ask("/runs", {"folder": "pictures", "name": "mine", "minutes": 60})
    work.trainer().run(once=True)

    planned = work.ask("/runs/mine/request")
    assert (planned["state"], planned["question"]) == ("planned", None)
    assert "40 pictures of 8 x 8 x 1 from pictures" in "\n".join(planned["plan"])
    assert any("images to show: about" in line for line in planned["plan"])
    assert not Path("runs/mine").exists()
    assert work.ask("/runs/mine/confirm", {})["state"] == "waiting"
    shown = []
    for _ in range(2):
        watch = when_it_trains(work, "/runs/mine/request", lambda: work.ask("/runs/mine/stop", {}))
        work.trainer().run(once=True)
        watch.join()
        stopped = work.ask("/runs/mine/request")
        assert (stopped["state"], stopped["stops"]) == ("stopped", False)
        shown.append(images_shown_in(Run(Path("runs/mine")).checkpoint))
        work.ask("/runs/mine/continue", {})
    assert 0 < shown[0] < shown[1]
    assert Run(Path("runs/mine")).config()["source"] == str(work.folder / "pictures")


def test_a_run_on_what_a_link_leads_out_to_is_refused_by_the_trainer_too(work: Workplace):
    work.app.settings = work.app.settings.model_copy(update={"pictures": work.folder})
    work.ask("/runs", {"folder": "pictures", "name": "mine", "minutes": 1})
    (work.folder / "pictures" / "out").symlink_to("/etc")
    work.trainer().run(once=True)

    refused = work.ask("/runs/mine/request")
    assert refused["state"] == "refused"
    assert "out: found a link that leads out of the folder of pictures" in refused["reason"]


def test_an_error_of_ours_fails_one_round_and_not_the_trainer(work: Workplace, monkeypatch: pytest.MonkeyPatch):
    work.grade()

    def broken(*_: object) -> str:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(loop, "train_round", broken)
    failed = work.trained()
    assert failed["reason"] == "The trainer failed on it (ZeroDivisionError); its terminal says where."
    assert "a mistake" in work.told[-2]
