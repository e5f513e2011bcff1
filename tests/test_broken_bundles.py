"""A broken bundle never takes the service down: every kind of them, at a start and while the service runs."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.broken_bundles import KINDS, Kind, edit_card, flip_a_byte, regraph, weights_elsewhere
from support.in_process import loaded_registry, started_app
from support.serving import started
from support.untrained import write_untrained

from models.bundle import open_bundle
from models.errors import BundleDamaged
from models.graph_check import check_graph
from models.runtime import Runtime
from service import loader
from service.refusals import reason_of

BODY = {"n": 3, "seed": 7, "format": "npy"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models `good` and `victim`. Not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    write_untrained(folder / "good", 8, 8, 1, code_size=5, seed=1)
    write_untrained(folder / "victim", 8, 8, 1, code_size=5, seed=2)
    return folder


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param.not_as_root and os.geteuid() == 0:
        pytest.skip("root may read every file")
    return request.param


class Service:
    """The API on a copy of `whole`, which is spoilt before the start or while it runs."""

    def __init__(self, whole: Path, folder: Path) -> None:
        self.whole, self.folder = whole, folder
        shutil.copytree(whole, folder)

    @property
    def victim(self) -> Path:
        return self.folder / "victim"

    def start(self, **settings: object) -> None:
        grades = f"sqlite:///{self.folder.parent / 'grades.db'}"
        self.app = started_app(self.folder, grades, **{"default_model": "good", **settings})
        self.client = TestClient(self.app, base_url="http://127.0.0.1:3000")

    def scan(self) -> None:
        for _ in range(2):
            self.app.reloader.scan()

    def mend(self) -> None:
        shutil.rmtree(self.victim)
        shutil.copytree(self.whole / "victim", self.victim)
        self.scan()

    def status(self) -> dict:
        answer = self.client.get("/status")
        assert answer.status_code == 200
        assert str(self.folder.parent) not in answer.text
        return answer.json()

    def ready(self) -> int:
        return self.client.get("/readyz").status_code

    def listed(self) -> list[str]:
        return [one["card"]["name"] for one in self.client.get("/models").json()["models"]]

    def draw(self, model: str | None) -> tuple[int, bytes]:
        answer = self.client.post("/generate", json=BODY | ({"model": model} if model else {}))
        return answer.status_code, answer.content


@pytest.fixture
def service(whole: Path, tmp_path: Path) -> Iterator[Service]:
    made = Service(whole, tmp_path / "models")
    yield made
    if hasattr(made, "app"):
        made.app.stop()


def drawn(path: Path) -> bytes:
    return Runtime(open_bundle(path), threads=1).generate(7, 0, 3).tobytes()


def test_a_graph_that_lies_next_to_the_bundles_is_refused_with_what_to_do(service: Service):
    """Before: an .onnx file that was copied into models/ was passed over without a word."""
    service.start()
    graph = service.folder / "mine.onnx"
    shutil.copy(service.folder / "good" / "generator.onnx", graph)
    service.scan()
    (refused,) = service.status()["refused"]
    assert refused["name"] == "mine.onnx"
    assert refused["reason"] == (
        "mine.onnx: found a file, expected a folder with a card.json. A graph by itself does not say what it draws; "
        "`zoetrope export RUN` writes a whole bundle."
    )
    assert (service.ready(), service.listed()) == (200, ["good", "victim"])

    graph.unlink()
    service.scan()
    assert service.status()["refused"] == []


def test_there_are_twenty_kinds_and_more():
    assert len({kind.name for kind in KINDS}) == len(KINDS) > 20


def test_at_a_start_it_is_named_the_others_draw_and_mended_it_is_loaded(
    kind: Kind, service: Service, whole: Path, caplog: pytest.LogCaptureFixture
):
    kind.spoil(service.victim)
    service.start()
    (refused,) = service.status()["refused"]

    assert (refused["name"], refused["served_version"]) == ("victim", None)
    assert re.search(kind.words, refused["reason"])
    assert (service.ready(), service.listed()) == (200, ["good"])
    assert service.draw("good")[1].endswith(drawn(whole / "good"))
    status, problem = service.draw("victim")
    assert (status, re.search(kind.words, json.loads(problem)["detail"]) is not None) == (503, True)
    assert any(one.levelname == "ERROR" and "victim" in one.getMessage() for one in caplog.records)

    service.mend()
    assert (service.status()["refused"], service.ready(), service.listed()) == ([], 200, ["good", "victim"])
    assert service.draw("victim")[1].endswith(drawn(whole / "victim"))


def test_while_running_the_last_good_version_stays_and_it_is_named_until_it_is_mended(
    kind: Kind, service: Service, whole: Path
):
    service.start()
    before = service.draw("victim")
    kind.spoil(service.victim)
    service.scan()
    (refused,) = service.status()["refused"]

    assert re.search(kind.words, refused["reason"])
    assert refused["served_version"] == open_bundle(whole / "victim").card.version
    assert (service.ready(), service.listed()) == (200, ["good", "victim"])
    assert service.draw("victim") == before
    assert before[0] == 200

    service.mend()
    assert (service.status()["refused"], service.draw("victim")) == ([], before)


def test_another_way_to_be_broken_takes_the_place_of_the_first(service: Service):
    flip_a_byte(service.victim)
    service.start()
    (service.victim / "card.json").write_text("{")
    service.scan()

    (refused,) = service.status()["refused"]
    assert refused["reason"].startswith("card.json: found invalid JSON")
    assert b"card.json: found invalid JSON" in service.draw("victim")[1]


@pytest.mark.parametrize("spoil", [flip_a_byte, lambda path: (path / "card.json").write_text("{")])
def test_a_default_model_that_is_refused_is_a_503_with_the_reason_and_the_others_and_no_other_picture(
    service: Service, spoil: Callable[[Path], object]
):
    spoil(service.victim)
    service.start(default_model="victim")
    status, problem = service.draw(None)

    assert status == 503
    words = r"The default model, victim, cannot be drawn: .* Name another one in `model`: good\."
    assert re.match(words, json.loads(problem)["detail"])
    assert (service.ready(), service.draw("good")[0]) == (200, 200)
    assert service.client.get("/models").json()["default"] == service.status()["default"] == "victim"
    service.mend()
    assert service.draw(None)[0] == 200


def test_a_refused_model_stays_the_default_where_it_is_the_first_by_name_and_a_folder_of_anything_does_not(
    service: Service,
):
    (service.folder / "aaa").mkdir()
    (service.folder / "good" / "card.json").write_text("{")
    service.start(default_model="not there")

    assert service.status()["default"] == "good"
    assert [one["name"] for one in service.status()["refused"]] == ["aaa", "good"]
    assert service.draw(None)[0] == 503


def test_with_no_good_model_it_is_alive_not_ready_and_says_why_and_a_mended_one_makes_it_ready(service: Service):
    shutil.rmtree(service.folder / "good")
    flip_a_byte(service.victim)
    service.start()
    ready, status = service.client.get("/readyz"), service.status()

    assert (ready.status_code, status["ready"], status["models"]) == (503, False, [])
    assert re.match(r"victim: generator\.onnx: found \d+ bytes", ready.text)
    assert status["reason"] == ready.text.strip()
    for path in ("/models", "/models/victim"):
        assert (service.client.get(path).status_code, "generator.onnx" in service.client.get(path).text) == (503, True)
    assert service.draw("victim")[0] == service.draw(None)[0] == 503
    service.mend()
    assert (service.ready(), service.draw("victim")[0]) == (200, 200)


def test_with_a_broken_current_version_the_older_one_is_drawn_by_its_own_name_only(service: Service):
    old = open_bundle(service.victim).card.version
    write_untrained(service.victim, 8, 8, 1, code_size=5, seed=3)
    flip_a_byte(service.victim)
    new = open_bundle_version(service.victim)
    (service.victim / "card.json").write_text("{")
    service.start()

    assert service.draw(f"victim@{old}")[0] == 200
    assert service.draw("victim")[0] == service.draw(f"victim@{new}")[0] == 503  # it may come back: not 410
    assert service.listed() == ["good"]


def open_bundle_version(path: Path) -> str:
    return json.loads((path / "card.json").read_text())["version"]


def test_an_older_version_that_is_broken_is_named_too(service: Service):
    old = open_bundle(service.victim).card.version
    write_untrained(service.victim, 8, 8, 1, code_size=5, seed=3)
    (service.folder / f"victim@{old}" / "card.json").write_text("{")
    service.start()

    assert [one["name"] for one in service.status()["refused"]] == [f"victim@{old}"]
    assert (service.draw("victim")[0], service.draw(f"victim@{old}")[0]) == (200, 503)


def test_more_refusals_than_an_answer_holds_are_counted(service: Service):
    for at in range(120):
        (service.folder / f"folder-{at:03}").mkdir()
    service.start()

    assert (len(service.status()["refused"]), service.status()["refused_count"]) == (100, 120)
    assert service.ready() == 200


def test_a_reason_has_no_path_no_second_line_and_an_end():
    for error in (
        OSError(13, "Permission denied", "/home/me/models/grey"),
        RuntimeError("cannot load /home/me/models/grey/generator.onnx\nat /opt/x.cc:12" + "!" * 1000),
        BundleDamaged(Path("/home/me/models/grey"), found="/home/me", expected="a file"),
    ):
        reason = reason_of(error)
        assert "/" not in reason
        assert "\n" not in reason
        assert len(reason) <= 401
        assert reason.endswith(".")
    assert "images/s and https://host/docs" in reason_of(RuntimeError("images/s and https://host/docs"))


def test_a_bundle_writes_one_line_of_bounded_length_to_the_log(service: Service, caplog: pytest.LogCaptureFixture):
    edit_card(service.victim, **{"\n[INFO] all is well\x1b[2J" + "!" * 100_000: 1})
    service.start()

    (line,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert line.isprintable()
    assert len(line) < 2_200
    assert str(service.victim) in line


def test_the_bytes_that_were_hashed_are_drawn_and_no_file_is_read_after_that(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Between the digests and the engine every file becomes that of another model."""
    shutil.copytree(whole, tmp_path / "models")
    expected, load = drawn(whole / "victim"), loader.load_runtime

    def swapped(bundle, *rest, **options):
        for file in bundle.path.iterdir():
            file.write_bytes((whole / "good" / file.name).read_bytes())
        return load(bundle, *rest, **options)

    monkeypatch.setattr(loader, "load_runtime", swapped)
    registry = loaded_registry(tmp_path / "models")
    runtime = registry.find("victim").runtime
    assert runtime is not None
    shutil.rmtree(tmp_path / "models")
    while runtime.warm_up_next():
        pass

    assert runtime.generate(7, 0, 3).tobytes() == expected
    registry.close()


def test_what_is_shipped_and_what_is_exported_passes_the_check(whole: Path):
    for path in (whole / "good", Path(__file__).parents[1] / "models" / "mnist"):
        check_graph((path / "generator.onnx").read_bytes(), path)


def test_a_graph_that_is_cut_anywhere_is_refused(whole: Path):
    data = (whole / "good" / "generator.onnx").read_bytes()
    for size in range(0, len(data) - 100, 97):  # what comes after the graph is not part of it
        with pytest.raises(BundleDamaged, match=r"expected a graph of standard operators"):
            check_graph(data[:size], Path("generator.onnx"))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(data: bytes):
    with suppress(BundleDamaged):
        check_graph(data, Path("generator.onnx"))


def test_a_graph_of_endless_fields_is_refused_in_bounded_time():
    with pytest.raises(BundleDamaged, match="more than 1,000,000 fields"):
        check_graph(b"\x08\x01" * 1_100_000, Path("generator.onnx"))


@pytest.mark.slow
def test_a_real_service_starts_with_several_of_them_at_once(whole: Path, tmp_path: Path):
    folder = tmp_path / "models"
    shutil.copytree(whole, folder)
    spoilt = [kind for kind in KINDS if not kind.not_as_root]
    for at, kind in enumerate(spoilt):
        path = folder / f"broken-{at:02}"
        shutil.copytree(whole / "victim", path)
        edit_card(path, name=path.name)
        kind.spoil(path)
    with started(folder, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="good", ZOETROPE_RENEW_SECONDS="0.2") as server:
        server.wait_for("/readyz")
        status = json.loads(server.get("/status")[1])

        assert [one["name"] for one in status["refused"]] == [f"broken-{at:02}" for at in range(len(spoilt))]
        assert server.generate(json.dumps(BODY))[1].endswith(drawn(whole / "good"))
        assert server.generate(json.dumps(BODY | {"model": "victim"}))[1].endswith(drawn(whole / "victim"))
        assert "broken-00 " in server.log
        regraph(folder / "victim", weights_elsewhere)
        server.wait_until(lambda: b"weights in another file" in server.get("/status")[1])
        assert server.generate(json.dumps(BODY | {"model": "victim"}))[0] == 200
        assert server.get("/readyz")[0] == 200
