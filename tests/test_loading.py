"""A graph is loaded by the engine that was named, or by none."""

from pathlib import Path

import pytest

from models.bundle import open_bundle
from models.engine import NAMES, EngineName
from models.errors import EngineUnavailable
from models.loading import load

INTERFACE = ["z float32 [N, 5]", "images uint8 [N, 8, 8, 1]"]


@pytest.mark.parametrize("name", [name for name in NAMES if name.device == "cpu"], ids=str)
def test_what_was_named_says_so_itself(grey: Path, name: EngineName):
    try:
        told = load(open_bundle(grey).generator, name, 1, INTERFACE).told
    except EngineUnavailable as error:
        pytest.skip(str(error))

    assert told.startswith(f"{name.library}-")
    assert told.endswith(f"-{name.device}-{name.precision}")


def test_an_engine_that_nobody_wrote_is_refused_with_those_that_there_are(grey: Path):
    with pytest.raises(EngineUnavailable, match="no engine openvino-cuda-tf32; there are onnxruntime-cpu-float32, "):
        load(open_bundle(grey).generator, EngineName("openvino", "cuda", "tf32"), 1, [])
