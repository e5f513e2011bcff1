"""`/runs` shows what training writes, as it writes it, and nothing else of the machine."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from support.logged_runs import SETTINGS, gan_log, logged_run

from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import read_settings
from service.training_runs.folder import MOST_LOG_BYTES, RunFolder, RunUnreadable
from training.monitoring.doctor import write_diagnosis
from training.run import Run

HERE, ELSEWHERE = "http://127.0.0.1:3000", "http://192.0.2.1:3000"
ADMIN, RATE = "a-secret-to-admin-0123456789", "a-secret-to-rate-0123456789"
KEYS = {"ZOETROPE_KEYS": f"r:rate:{RATE}; a:admin:{ADMIN}"}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def connect(app: App, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A client of a service of these runs, whose connections come to an address of it."""

    def connected(url: str = HERE, **variables: str) -> TestClient:
        monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"runs": runs}))
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        return TestClient(RequestLimitsMiddleware(app, app), base_url=url, raise_server_exceptions=False)

    return connected


@pytest.fixture
def shown(connect: Callable[..., TestClient]) -> Callable[[str], dict]:
    def get(name: str) -> dict:
        answer = connect().get(f"/runs/{name}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


def begun(runs: Path, name: str = "faces", lines: int = 50, sheets: int = 3) -> Run:
    """A run as training leaves it."""
    run = logged_run(runs / name, gan_log(lines), sheets)
    run.show_first(np.zeros((256, 8, 8, 1), np.uint8))
    write_diagnosis(run)
    return run


def test_a_run_is_shown_with_its_progress_its_diagnosis_its_sheets_and_its_curves(runs: Path, shown: Callable):
    begun(runs)
    found = shown("faces")
    run, curves = found["run"], {one["metric"]: one for one in found["curves"]}

    assert (run["name"], run["state"], run["method"], run["data"], run["parent"]) == (
        *("faces", "stopped", "gan", "some"),
        None,
    )
    assert (run["images_shown"], run["images_planned"], run["seconds"]) == (20_000, 40_000, 10.0)
    assert (run["images_per_second"], run["seconds_left"]) == (2_000, 10.0)
    assert (run["verdict"], run["severity"]) == ("learning", "good")
    assert "Diversity is 0.80" in found["diagnosis"]["explanation"]
    assert (found["images"], found["height"], found["width"], found["channels"], found["classes"]) == (3, 8, 8, 1, 2)
    assert [(one["images_shown"], one["first"]) for one in found["sheets"]] == [
        *((0, True), (1_000, False), (2_000, False)),
        (3_000, False),
    ]
    assert run["sheet"] == found["sheets"][-1]
    assert curves["d_loss"]["images_shown"] == [400 * (k + 1) for k in range(50)]
    assert curves["diversity"]["values"] == [1.0, *[0.8] * 11]
    assert not {"images_shown", "seconds"} & curves.keys()


def test_a_run_that_has_only_begun_is_shown_with_its_first_sheet_alone(runs: Path, shown: Callable):
    run = Run(runs / "new")
    logged_run(runs / "new", [], sheets=0)
    run.show_first(np.zeros((256, 8, 8, 1), np.uint8))
    found = shown("new")

    assert (found["diagnosis"], found["curves"], found["run"]["images_shown"]) == (None, [], 0)
    assert (found["run"]["verdict"], found["run"]["seconds_left"]) == (None, None)
    assert [one["first"] for one in found["sheets"]] == [True]


def test_the_first_sheet_and_those_of_later_are_given_as_they_are_on_the_disk(
    runs: Path, shown: Callable, connect: Callable
):
    run, client = begun(runs), connect()
    urls = [one["url"] for one in shown("faces")["sheets"]]
    found = [client.get(f"/{url}") for url in urls]

    assert [one.content for one in found] == [
        path.read_bytes() for path in (run.first_sheet, *(path for _, path in run.sheets()))
    ]
    assert {one.headers["content-type"] for one in found} == {"image/png"}
    assert "immutable" in found[0].headers["cache-control"]
    assert "no-cache" in client.get("/runs/faces/sheets/first.png").headers["cache-control"]
    assert client.get(f"/{urls[0]}", headers={"if-none-match": found[0].headers["etag"]}).status_code == 304


def test_while_a_process_holds_the_lock_the_run_trains_and_at_its_end_it_is_finished(runs: Path, shown: Callable):
    run = begun(runs)
    with run.lock():
        assert shown("faces")["run"]["state"] == "training"
    assert shown("faces")["run"]["state"] == "stopped"
    for line in gan_log(100)[50:]:
        run.log(line)
    write_diagnosis(run)

    assert (shown("faces")["run"]["state"], shown("faces")["run"]["seconds_left"]) == ("finished", 0)


def test_to_look_holds_no_lock(runs: Path, shown: Callable):
    run = begun(runs)
    with run.lock():
        pass
    shown("faces")
    with (run.path / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_has_not_changed_is_304_and_what_grows_is_not(runs: Path, connect: Callable):
    run, client = begun(runs), connect()
    for path in ("/runs", "/runs/faces"):
        tag = {"if-none-match": client.get(path).headers["etag"]}
        assert (client.get(path, headers=tag).status_code, client.get(path, headers=tag).content) == (304, b"")
        run.log(gan_log(60)[len(run.lines())])
        again = client.get(path, headers=tag)
        assert again.status_code == 200
        assert f'"images_shown":{400 * len(run.lines())}' in again.text
        assert "no-cache" in again.headers["cache-control"]


def test_a_half_written_line_a_wrong_one_and_what_is_no_number_are_left_out(runs: Path, shown: Callable):
    run = begun(runs, lines=10)
    with (run.path / "log.jsonl").open("a") as file:
        file.write('[1]\nnonsense\n{"images_shown": 4400, "d_loss": NaN, "g_loss": 1e400, "kl": null, "margin": "a"}\n')
        file.write('{"images_shown": 4800, "d_lo')
    found = shown("faces")

    assert found["run"]["images_shown"] == 4_400
    assert {one["metric"]: len(one["values"]) for one in found["curves"]}["d_loss"] == 10
    assert "kl" not in {one["metric"] for one in found["curves"]}


def test_of_a_log_of_any_length_the_end_is_read_and_a_curve_keeps_its_few_points(runs: Path, shown: Callable):
    run = begun(runs, lines=0)
    lines = [json.dumps({"images_shown": k, "d_loss": k % 7, "pad": "x" * 900}) for k in range(6_000)]
    (run.path / "log.jsonl").write_text("\n".join(lines) + "\n")
    (curve,) = shown("faces")["curves"]

    assert (run.path / "log.jsonl").stat().st_size > 2 * MOST_LOG_BYTES
    assert 60 <= len(curve["values"]) == len(curve["images_shown"]) <= 120
    assert curve["images_shown"][0] > 3_000
    assert sum(curve["values"]) / len(curve["values"]) == pytest.approx(3, abs=0.1)


def test_healing_steps_are_shown_as_they_are_recorded(runs: Path, shown: Callable):
    run, step = begun(runs), {"images_shown": 9_000, "returned_to": 6_000, "verdict": "diverging"}
    run.record_healing(step | {"explanation": "d_loss reached 99.", "learning_rate": [1e-3, 1e-4], "gamma": [1, 0.1]})
    (found,) = shown("faces")["healings"]

    assert found == step | {"explanation": "d_loss reached 99.", "learning_rate": [1e-3, 1e-4], "gamma": [1, 0.1]}


def test_runs_are_listed_the_last_changed_first_and_other_folders_are_not(runs: Path, connect: Callable):
    for at, name in enumerate(("old", "new", "ne_xt.2")):
        os.utime(begun(runs, name).path / "log.jsonl", (at, at))
    (runs / "pictures.cache").mkdir()
    (runs / ".hidden").mkdir()
    (runs / "grades.db").write_text("")
    found = connect().get("/runs").json()

    assert [one["name"] for one in found["runs"]] == ["ne_xt.2", "new", "old"]
    assert (found["count"], found["refused"]) == (3, [])
    assert found["runs"][0]["sheet"]["url"].startswith("runs/ne_xt.2/sheets/000003.png?v=")


def test_where_there_is_no_folder_of_runs_there_are_none(runs: Path, connect: Callable):
    runs.rmdir()

    assert connect().get("/runs").json() == {"runs": [], "count": 0, "refused": []}


@pytest.mark.parametrize(
    "name",
    ["%2e%2e", "..%2f..%2fetc", "a%2fb", "a%5cb", "nothing", "a%00b", "%20", "a" * 101, "-x", "faces%0a"],
)
def test_a_name_that_is_none_is_404_with_a_reason(runs: Path, connect: Callable, name: str):
    begun(runs)
    client = connect()
    for path in (f"/runs/{name}", f"/runs/{name}/sheets/first.png"):
        answer = client.get(path)
        assert answer.status_code == 404, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("sheet", ["000001.png", "log", "1", "first%00", "%2e%2e%2fconfig", "000009"])
def test_what_is_no_sheet_is_404(runs: Path, connect: Callable, sheet: str):
    begun(runs)

    assert connect().get(f"/runs/faces/sheets/{sheet}.png").status_code == 404


def test_links_out_of_the_folder_show_nothing_and_links_within_it_do(runs: Path, tmp_path: Path, connect: Callable):
    outside, client = begun(tmp_path, "outside"), connect()
    inside = begun(runs, "inside")
    (runs / "out").symlink_to(outside.path)
    (runs / "in").symlink_to(inside.path)
    (runs / "loop").symlink_to(runs / "loop")

    assert "a link that leaves the folder of runs" in client.get("/runs/out").json()["detail"]
    assert client.get("/runs/out/sheets/first.png").status_code == 404
    assert client.get("/runs/loop").status_code == 404
    assert client.get("/runs/in").status_code == 200
    assert [one["name"] for one in client.get("/runs").json()["refused"]] == ["out"]


@pytest.mark.parametrize("name", ["config.json", "doctor.json", "log.jsonl", "samples", "samples/first.png"])
def test_a_file_of_a_run_that_is_a_link_out_of_it_is_not_read(runs: Path, tmp_path: Path, connect: Callable, name: str):
    run, outside, client = begun(runs), begun(tmp_path, "outside"), connect()
    path = run.path / name
    path.rename(run.path / "away")
    path.symlink_to(outside.path / name)
    answers = [client.get(path) for path in ("/runs/faces", "/runs/faces/sheets/first.png")]

    refused = {"config.json": (404, 200), "doctor.json": (404, 200), "log.jsonl": (200, 200)}
    assert tuple(one.status_code for one in answers) == refused.get(name, (200, 404))
    if name == "log.jsonl":
        assert (answers[0].json()["curves"], answers[0].json()["run"]["images_shown"]) == ([], 0)
    if name == "samples":
        assert answers[0].json()["sheets"] == []
    if answers[0].status_code == 404:
        assert f"{name}: found a link that leaves the folder" in answers[0].json()["detail"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "config.json: the file: Invalid JSON"),
        ('{"settings": {}, "data": {}}', "config.json: settings.images_shown: Field required"),
        ("x" * (5 << 20), "config.json: found 5,242,880 bytes, expected at most"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told_without_a_path(
    runs: Path, connect: Callable, content: str, words: str
):
    (begun(runs).path / "config.json").write_text(content)
    client = connect()
    detail = client.get("/runs/faces").json()["detail"]

    assert words in detail
    assert str(runs) not in detail
    ((refused),) = client.get("/runs").json()["refused"]
    assert (refused["name"], words in refused["reason"]) == ("faces", True)


def test_a_pipe_in_place_of_a_file_holds_no_one_up(runs: Path, connect: Callable):
    run = begun(runs)
    for name in ("log.jsonl", "lock"):
        (run.path / name).unlink(missing_ok=True)
        os.mkfifo(run.path / name)

    assert connect().get("/runs/faces").json()["run"]["state"] == "stopped"


def test_a_sheet_that_is_no_picture_is_not_given(runs: Path):
    run = begun(runs)
    (run.path / "samples" / "000001.png").write_text("<script>")

    with pytest.raises(RunUnreadable, match=r"000001\.png: found no PNG file"):
        RunFolder(runs, "faces").sheet("000001")


@pytest.mark.parametrize("path", ["/runs", "/runs/faces", "/runs/faces/sheets/first.png"])
def test_on_ones_own_machine_runs_are_open_and_elsewhere_they_need_the_scope_admin(
    runs: Path, connect: Callable, path: str
):
    begun(runs)
    refused = connect(ELSEWHERE).get(path)
    bearer = {scope: {"authorization": f"Bearer {secret}"} for scope, secret in (("admin", ADMIN), ("rate", RATE))}

    assert (refused.status_code, connect().get(path).status_code) == (403, 200)
    assert "No training runs are shown here" in refused.json()["detail"]
    assert connect(**KEYS).get(path).status_code == 401
    assert connect(**KEYS).get(path, headers=bearer["rate"]).status_code == 403
    assert connect(ELSEWHERE, **KEYS).get(path, headers=bearer["admin"]).status_code == 200
    assert connect().head(path).status_code == 200
    assert connect().post(path).status_code == (415 if path == "/runs" else 405)


def test_a_run_of_an_older_version_is_shown_without_a_diagnosis(runs: Path, shown: Callable):
    logged_run(runs / "older", gan_log(100), sheets=1)
    found = shown("older")

    assert (found["diagnosis"], found["run"]["state"], found["run"]["seconds_left"]) == (None, "finished", 0)


def test_a_run_that_is_lengthened_is_not_finished_any_more(runs: Path, shown: Callable):
    run = begun(runs, lines=100)
    config = run.config()
    longer = config | {"settings": config["settings"] | {"images_shown": 2 * SETTINGS.images_shown}}
    run.write("config.json", json.dumps(longer).encode())

    assert (shown("faces")["run"]["state"], shown("faces")["run"]["seconds_left"]) == ("stopped", 20.0)
