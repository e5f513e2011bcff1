"""Measured once, written down, obeyed; pinned by whoever says so."""

import json
from pathlib import Path

import pytest

from models import benchmark as measuring
from models import engine_selection as engines
from models.bundle import open_bundle
from models.engine import NAMES, REFERENCE
from models.engine_selection import engine_for, main, possible
from models.errors import EngineUnavailable


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "IMAGES", 128)


def test_what_a_person_says_leaves_fewer_engines_open():
    assert possible("cpu") == NAMES[:3]
    assert possible("cpu", "openvino") == NAMES[1:3]
    assert possible("cpu", precision="float32") == NAMES[:2]
    assert possible("cpu", "openvino", "bfloat16") == NAMES[2:3]
    assert possible("cuda", None, "tf32") == NAMES[4:5]


def test_what_is_nowhere_is_refused_with_all_that_there_is():
    with pytest.raises(EngineUnavailable, match="no engine is cuda, openvino; there are onnxruntime-cpu-float32, "):
        possible("cuda", "openvino")


def test_the_only_one_left_open_is_taken_without_measuring(grey: Path, tmp_path: Path):
    assert engine_for(open_bundle(grey), [REFERENCE], 1, tmp_path / "engines.json") == REFERENCE
    assert not (tmp_path / "engines.json").exists()


def test_a_measurement_is_written_down_and_obeyed_from_then_on(
    grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    record = tmp_path / "runs" / "engines.json"
    found = engine_for(open_bundle(grey), NAMES[:2], 1, record)
    (key,) = json.loads(record.read_text())
    other = next(name for name in NAMES[:2] if name != found)
    record.write_text(json.dumps({key: str(other)}))
    monkeypatch.setattr(engines, "measure", None)  # not to be called

    assert "grey" in key
    assert engine_for(open_bundle(grey), NAMES[:2], 1, record) == other


def test_it_holds_for_these_threads_and_libraries_alone(grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    record = tmp_path / "engines.json"
    engine_for(open_bundle(grey), NAMES[:2], 1, record)
    engine_for(open_bundle(grey), NAMES[:2], 2, record)
    monkeypatch.setattr(engines, "version", lambda _: "another")
    engine_for(open_bundle(grey), NAMES[:2], 2, record)

    assert len(json.loads(record.read_text())) == 3


@pytest.mark.parametrize("text", ["no json", "[1]", '{"a": 1}', ""])
def test_a_record_that_says_nothing_is_written_anew(grey: Path, tmp_path: Path, text: str):
    record = tmp_path / "engines.json"
    record.write_text(text)

    assert str(engine_for(open_bundle(grey), NAMES[:2], 1, record)) in record.read_text()


def test_where_nothing_can_be_written_it_draws_all_the_same_and_says_so(
    grey: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")

    assert engine_for(open_bundle(grey), NAMES[:2], 1, tmp_path / "file" / "engines.json") in NAMES
    assert "cannot be written down, and is measured at every start" in caplog.text


def test_the_command_shows_every_engine_and_why_it_is_taken_or_not(grey: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(grey), "--threads", "1"]) == 0
    said = capsys.readouterr().out

    assert said.startswith("grey ")
    assert "onnxruntime-" in said
    assert "openvino-" in said
    assert said.count("drawn with") == 1


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "nothing")]) == 1
    assert "error: " in capsys.readouterr().err
