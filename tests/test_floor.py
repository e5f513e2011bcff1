"""The floor makes the very answers that the service makes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle import open_bundle
from models.runtime import Runtime
from service.floor import answer_bytes
from service.formats import Format

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("chosen", [Format.PNG, Format.NPY, Format.ZIP, Format.JSON])
def test_an_answer_has_all_its_pictures(chosen: Format, bundles: Path):
    runtime = Runtime(open_bundle(bundles / "pets"))

    few, many = (answer_bytes(runtime, n, chosen) for n in (1, 300))

    assert many > few > 0


def test_an_npy_is_as_long_as_its_pixels_and_its_head(bundles: Path):
    runtime = Runtime(open_bundle(bundles / "pets"))
    shape = runtime.card.image

    assert answer_bytes(runtime, 300, Format.NPY) == 128 + 300 * shape.height * shape.width * shape.channels


def test_the_command_prints_one_line_of_what_it_took():
    done = subprocess.run(
        [sys.executable, "-m", "service.floor", "mnist", "--n", "2", "--seconds", "0.01"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    found = json.loads(done.stdout)
    assert found["images"] >= 2
    assert found["cpu_s"] > 0
    assert found["wall_s"] >= 0.01
