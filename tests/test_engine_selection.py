"""The engine follows from card, processor, libraries and settings; no timing and no file decides it."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from models import engine_selection
from models.bundle import open_bundle
from models.card import Card, Compute, Fidelity
from models.engine import ENGINE_NAMES, REFERENCE, EngineName
from models.engine_selection import (
    Machine,
    allowed_engines,
    engine_rule,
    load_engine,
    select_engine,
    this_machine,
    vouches_for,
)
from models.errors import EngineUnavailable

INTERFACE = ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]
FLOAT32, BFLOAT16 = ENGINE_NAMES[1:3]
CUDA, TF32, FLOAT16 = ENGINE_NAMES[3:]
COMPLETE = Machine(linux_x86_64=True, has_openvino=True, lists_bfloat16=lambda: True, has_onnx=True)
GOOD = Fidelity(worst_db=40.0, median_db=45.0, images=4096)
"""Just good enough."""
FITTING = {"fidelity": {"bfloat16": GOOD}, "compute": Compute(multiply_adds=500_000, conv_share=0.9)}
"""Just what the rule takes."""


@pytest.fixture
def card(grey: Path) -> Card:
    """A card that fits bfloat16 in OpenVINO."""
    return open_bundle(grey).card.model_copy(update=FITTING)


def but(card: Card, **changes: object) -> Card:
    return card.model_copy(update=changes)


def test_where_all_holds_it_is_bfloat16_in_openvino(card: Card):
    assert engine_rule(card, COMPLETE).name == BFLOAT16


def test_another_system_or_processor_draws_in_float32(card: Card):
    selection = engine_rule(card, replace(COMPLETE, linux_x86_64=False))

    assert selection.name == REFERENCE
    assert "this is not Linux on x86-64" in selection.reason


def test_a_processor_without_bfloat16_draws_in_float32(card: Card):
    selection = engine_rule(card, replace(COMPLETE, lists_bfloat16=lambda: False))

    assert selection.name == REFERENCE
    assert "OpenVINO does not list BF16 for this processor" in selection.reason
    assert not selection.missing_library


def test_where_openvino_is_not_installed_onnxruntime_draws(card: Card):
    selection = engine_rule(card, replace(COMPLETE, has_openvino=False))

    assert selection.name == REFERENCE
    assert "OpenVINO is not installed" in selection.reason
    assert selection.missing_library


@pytest.mark.parametrize(
    ("fidelity", "words"),
    [
        ({}, "the card has no fidelity of bfloat16"),
        ({"bfloat16": GOOD.model_copy(update={"worst_db": 39.9})}, "bfloat16 is 39.9 dB from float32 at worst"),
        ({"bfloat16": GOOD.model_copy(update={"median_db": 44.9})}, "and 44.9 in the median, at least 40 and 45"),
        ({"float16": GOOD}, "the card has no fidelity of bfloat16"),
    ],
)
def test_a_card_that_does_not_vouch_for_bfloat16_is_drawn_in_float32(card: Card, fidelity: dict, words: str):
    selection = engine_rule(but(card, fidelity=fidelity), COMPLETE)

    assert selection.name == REFERENCE
    assert words in selection.reason


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (None, "the card has no multiply-adds"),
        (Compute(multiply_adds=499_999, conv_share=1), "499,999 multiply-adds a picture, fewer than 500,000"),
        (Compute(multiply_adds=50_000_000, conv_share=0.89), "89% of the multiply-adds are in Conv, less than 90%"),
    ],
)
def test_a_graph_with_little_work_or_little_of_it_in_conv_is_drawn_in_float32(
    card: Card, compute: Compute | None, words: str
):
    selection = engine_rule(but(card, compute=compute), COMPLETE)

    assert selection.name == REFERENCE
    assert words in selection.reason


def test_openvino_is_asked_for_its_processor_only_where_it_would_draw(card: Card):
    def fails() -> bool:
        raise AssertionError("OpenVINO was loaded")

    lazy = replace(COMPLETE, lists_bfloat16=fails)

    assert engine_rule(but(card, fidelity={}), lazy).name == REFERENCE
    assert engine_rule(card, lazy, library="onnxruntime").name == REFERENCE


def test_on_cuda_float32_draws_unless_the_card_vouches_for_less(card: Card):
    both = but(card, fidelity={"tf32": GOOD, "float16": GOOD})
    bad = GOOD.model_copy(update={"worst_db": 20.0})

    assert engine_rule(card, COMPLETE, "cuda").name == CUDA
    assert engine_rule(but(card, fidelity={"tf32": GOOD}), COMPLETE, "cuda").name == TF32
    assert engine_rule(but(card, fidelity={"tf32": GOOD, "float16": bad}), COMPLETE, "cuda").name == TF32
    assert engine_rule(both, COMPLETE, "cuda").name == FLOAT16
    assert engine_rule(both, replace(COMPLETE, has_onnx=False), "cuda").name == TF32
    assert engine_rule(but(card, fidelity={"tf32": bad}), COMPLETE, "cuda").name == CUDA


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ({"library": "onnxruntime"}, REFERENCE),
        ({"precision": "float32"}, REFERENCE),
        ({"library": "openvino", "precision": "float32"}, FLOAT32),
        ({"precision": "bfloat16"}, BFLOAT16),
        ({"library": "openvino"}, BFLOAT16),
        ({"device": "cuda", "precision": "tf32"}, TF32),
        ({"device": "cuda", "precision": "float32"}, CUDA),
    ],
)
def test_a_pin_is_obeyed(card: Card, pins: dict, expected: EngineName):
    assert engine_rule(card, COMPLETE, **pins).name == expected


def test_a_pinned_precision_is_the_operators_choice_though_the_card_does_not_vouch_for_it(card: Card):
    unmeasured = but(card, fidelity={})

    assert engine_rule(unmeasured, COMPLETE, precision="bfloat16").name == BFLOAT16
    assert engine_rule(unmeasured, COMPLETE, "cuda", precision="float16").name == FLOAT16


def test_openvino_in_float32_is_drawn_with_by_setting_alone(card: Card):
    """Where OpenVINO is pinned and bfloat16 is out of the question, float32 is what remains."""
    assert engine_rule(but(card, fidelity={}), COMPLETE, library="openvino").name == FLOAT32
    assert engine_rule(but(card, fidelity={}), COMPLETE).name == REFERENCE


def test_pins_leave_fewer_engines_open():
    assert allowed_engines("cpu") == ENGINE_NAMES[:3]
    assert allowed_engines("cpu", "openvino") == ENGINE_NAMES[1:3]
    assert allowed_engines("cpu", "openvino", "bfloat16") == ENGINE_NAMES[2:3]
    assert allowed_engines("cpu", precision="float32") == ENGINE_NAMES[:2]
    assert allowed_engines("cuda", None, "tf32") == ENGINE_NAMES[4:5]


def test_an_engine_that_does_not_exist_is_refused_with_all_that_do(card: Card):
    with pytest.raises(EngineUnavailable, match="no engine is cuda, openvino; there are onnxruntime-cpu-float32, "):
        engine_rule(card, COMPLETE, "cuda", "openvino")


def test_the_log_says_the_reason_and_warns_where_a_library_is_missing(
    card: Card, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    for machine, level in ((replace(COMPLETE, has_openvino=False), "WARNING"), (COMPLETE, "INFO")):
        caplog.clear()
        monkeypatch.setattr(engine_selection, "this_machine", lambda machine=machine: machine)
        with caplog.at_level(logging.INFO, "zoetrope"):
            name = select_engine(card)
        assert caplog.records[0].levelname == level
        assert f"grey {card.version}: engine {name} (" in caplog.text
    assert name == BFLOAT16


def test_a_model_that_would_not_gain_by_openvino_does_not_warn_of_its_absence(card: Card):
    assert not engine_rule(but(card, fidelity={}), replace(COMPLETE, has_openvino=False)).missing_library


def test_the_choice_on_this_machine_is_the_same_each_time_and_is_available(card: Card, grey: Path):
    assert this_machine() == this_machine()
    name = select_engine(card)

    assert name == select_engine(card)
    assert load_engine(open_bundle(grey).generator, grey, name, 1, INTERFACE).description


def test_a_precision_is_vouched_for_by_its_worst_and_its_median_picture(card: Card):
    assert vouches_for(card, "bfloat16")
    assert not vouches_for(card, "tf32")


@pytest.mark.parametrize("name", [name for name in ENGINE_NAMES if name.device == "cpu"], ids=str)
def test_the_engine_that_was_named_is_the_one_that_is_loaded(grey: Path, name: EngineName):
    try:
        description = load_engine(open_bundle(grey).generator, grey, name, 1, INTERFACE).description
    except EngineUnavailable as error:
        pytest.skip(str(error))

    assert description.startswith(f"{name.library}-")
    assert description.endswith(f"-{name.device}-{name.precision}")


def test_an_engine_without_code_is_refused_with_those_that_have_some(grey: Path):
    with pytest.raises(EngineUnavailable, match="no engine openvino-cuda-tf32; there are onnxruntime-cpu-float32, "):
        load_engine(open_bundle(grey).generator, grey, EngineName("openvino", "cuda", "tf32"), 1, [])
