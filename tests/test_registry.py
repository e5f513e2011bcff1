"""Which bundle a name means, and which engine draws it."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.asking import PINNED, address

from models.bundle import open_all, open_bundle
from service.errors import Problem
from service.registry import Gallery
from service.settings import Settings


def gallery_of(folder: Path, **changes: object) -> Gallery:
    return Gallery(open_all(folder), Settings(**{**PINNED, **changes}))


@pytest.fixture(scope="module")
def gallery(bundles: Path) -> Gallery:
    return gallery_of(bundles)


def test_the_default_is_the_one_in_the_settings_or_else_the_first_by_name(bundles: Path):
    assert gallery_of(bundles, default_model="grey").collection.default == "grey"
    assert gallery_of(bundles, default_model="not there").collection.default == "colour"


def test_a_name_means_its_current_version(gallery: Gallery, bundles: Path):
    current = open_bundle(bundles / "grey").card

    assert gallery.find("grey").card == current
    assert gallery.collection.versions("grey")[0] == current.version


def test_a_thread_in_the_background_is_given_the_same_pictures(gallery: Gallery):
    runtime = gallery.find("pets")
    asked = address(runtime, 300, seed=3)
    drawn = np.concatenate(list(gallery.draw_aside(runtime, asked)))

    assert np.array_equal(drawn, runtime.draw(*asked.codes(runtime, 0, 300)))


def test_an_engine_that_is_not_pinned_is_measured_and_obeyed(bundles: Path, tmp_path: Path):
    settings = Settings(threads=1, engines=tmp_path / "engines.json")
    told = {name: Gallery(open_all(bundles), settings).find(name).engine for name in ("grey", "pets")}

    assert len(json.loads(settings.engines.read_text())) == 4  # two versions of `grey`
    assert {name: Gallery(open_all(bundles), settings).find(name).engine for name in told} == told


def test_without_the_device_nothing_is_drawn_and_the_reason_is_told(bundles: Path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime offers CUDA")
    gallery = gallery_of(bundles, device="cuda", precision="tf32")

    with pytest.raises(Problem, match="The service is not ready: device is 'cuda'"):
        gallery.find("grey")
