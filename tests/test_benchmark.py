"""One command says how fast the engines are, whether the rule is right, and what the card should say."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models import benchmark
from models.benchmark import Speed, fastest_allowed, main, measure_speeds, run_stage
from models.bundle import open_bundle
from models.card import Card, Fidelity
from models.directions import decode_directions
from models.engine import ENGINE_NAMES, REFERENCE, EngineName, reference_on
from models.errors import EngineUnavailable
from models.runtime import Runtime

FLOAT32, BFLOAT16 = ENGINE_NAMES[1:3]
GOOD = Fidelity(worst_db=50.0, median_db=55.0, images=10)


@pytest.fixture
def card(grey: Path) -> Card:
    return open_bundle(grey).card


def speed(name: EngineName, times: float) -> Speed:
    return Speed(name, str(name), 100 * times, times)


def test_the_rule_is_compared_with_what_it_may_select(card: Card):
    vouched = card.model_copy(update={"fidelity": {"bfloat16": GOOD}})
    speeds = [speed(REFERENCE, 1.0), speed(FLOAT32, 3.0), speed(BFLOAT16, 2.0)]

    assert fastest_allowed(speeds, vouched).name == BFLOAT16
    assert fastest_allowed(speeds, card).name == REFERENCE  # OpenVINO in float32 only by setting
    assert fastest_allowed(speeds[1:2], card) is None


def test_engines_draw_in_turns(bundles: Path):
    speeds, missing = measure_speeds(open_bundle(bundles / "pets"), ENGINE_NAMES[:2], threads=1, seconds=0)

    assert speeds[0].name == REFERENCE
    assert speeds[0].times == 1.0
    assert len(speeds) + len(missing) == 2
    assert all(one.images_per_s > 0 for one in speeds)


def test_what_is_not_available_is_told_and_the_next_one_is_the_reference(bundles: Path):
    nowhere = replace(REFERENCE, precision="tf32")
    speeds, missing = measure_speeds(open_bundle(bundles / "grey"), [nowhere, REFERENCE], threads=1, seconds=0)

    assert [one.name for one in speeds] == [REFERENCE]
    assert "there is no engine onnxruntime-cpu-tf32" in missing[0].reason


def test_none_at_all_is_refused_with_the_reason_of_each(bundles: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    with pytest.raises(EngineUnavailable, match=r"this onnxruntime offers .*; device is 'cuda'"):
        measure_speeds(open_bundle(bundles / "grey"), [reference_on("cuda"), ENGINE_NAMES[4]], threads=1)


def test_the_table_shows_every_engine_and_what_the_rule_selects(grey: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(grey), "--threads", "1", "--seconds", "0.01"]) == 0
    printed = capsys.readouterr().out

    assert printed.startswith("grey ")
    assert all(word in printed for word in ("onnxruntime-", "openvino-", "images/s", "never measured"))
    assert printed.count("  selected") == 1
    assert max(map(len, printed.partition("The rule selects")[0].splitlines()[1:])) <= 80
    assert "The rule selects onnxruntime-cpu-float32: not bfloat16: the card has no fidelity of bfloat16" in printed


def test_a_pin_selects_and_the_table_still_shows_every_engine(grey: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(grey), "--engine", "openvino", "--precision", "float32", "--threads", "1", "--seconds", "0"]) == 0
    printed = capsys.readouterr().out

    assert "onnxruntime-" in printed
    assert "The rule selects openvino-cpu-float32: pinned" in printed


@pytest.mark.parametrize(("times", "off"), [(1.2, False), (1.3, True)])
def test_the_table_says_where_the_rule_is_off(
    grey: Path, times: float, off: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The card vouches for bfloat16, but the graph is too small for the rule."""
    benchmark.write_fidelity(grey, {"bfloat16": GOOD}, None)
    found = [speed(REFERENCE, 1.0), speed(BFLOAT16, times)]
    monkeypatch.setattr(benchmark, "measure_speeds", lambda *_: (found, []))
    main([str(grey)])

    assert (
        f"The rule is off here: openvino-cpu-bfloat16 is {times:.2f} times as fast" in capsys.readouterr().out
    ) == off


@pytest.mark.parametrize("stage", ["engine", "codes"])
def test_a_stage_is_one_line_of_json(grey: Path, stage: str, capsys: pytest.CaptureFixture[str]):
    options = ["--stage", stage, "--engine", "onnxruntime", "--batch", "8", "--seconds", "0.01", "--threads", "1"]
    assert main([str(grey), *options]) == 0
    line = json.loads(capsys.readouterr().out)

    assert list(line) == ["model", "version", "engine", "stage", "batch_size", "images", "cpu_s", "wall_s"]
    assert (line["model"], line["version"]) == ("grey", open_bundle(grey).card.version)
    assert (line["stage"], line["batch_size"]) == (stage, 8)
    assert line["engine"].endswith("-cpu-float32")
    assert line["images"] % 8 == 0 < line["images"]
    assert line["wall_s"] >= 0.01


def test_the_stage_encode_makes_answers_of_fresh_seeds(grey: Path, capsys: pytest.CaptureFixture[str]):
    answers = []

    def encode(runtime: Runtime, n: int, file_format: str, seed: int) -> Iterator[bytes]:
        answers.append((runtime.card.name, n, file_format, seed))
        yield b"piece"

    assert main([str(grey), "--stage", "encode", "--n", "5", "--format", "npy", "--seconds", "0.01"], encode) == 0
    line = json.loads(capsys.readouterr().out)

    assert line["images"] == 5 * (len(answers) - 2)  # two answers to warm up
    assert answers[:3] == [("grey", 5, "npy", seed) for seed in range(3)]


def test_a_batch_that_no_engine_draws_is_refused(grey: Path):
    with pytest.raises(ValueError, match="--batch is 3; it must be a power of two"):
        run_stage("engine", Runtime(open_bundle(grey)), 3, 1, "zip", 0, None)


def test_without_the_encoders_the_stage_encode_says_which_command_has_them(
    grey: Path, capsys: pytest.CaptureFixture[str]
):
    assert main([str(grey), "--stage", "encode"]) == 1
    assert "run `zoetrope benchmark`" in capsys.readouterr().err


def test_write_fills_the_card_and_keeps_the_version_and_what_other_machines_measured(
    grey: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("models.fidelity.IMAGES", 64)
    benchmark.write_fidelity(grey, {"tf32": GOOD}, None)
    before = open_bundle(grey).card
    files = {path.name: path.read_bytes() for path in grey.iterdir() if path.name != "card.json"}

    assert main([str(grey), "--write"]) == 0
    after = open_bundle(grey).card

    assert after.version == before.version
    assert after.compute is not None
    assert after.fidelity["tf32"] == GOOD
    assert after.model_copy(update={"fidelity": before.fidelity, "compute": None, "files": before.files}) == before
    written = {path.name: path.read_bytes() for path in grey.iterdir() if path.name != "card.json"}
    assert decode_directions(written.pop("directions.npy"), before.code_size).shape == (5, 5)
    assert written == files
    said = capsys.readouterr().out
    assert f"{after.compute.multiply_adds:,} multiply-adds a picture" in said
    assert "directions: the first 8 of 5 hold 100% of what a code changes" in said


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "nothing")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
