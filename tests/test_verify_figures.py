"""What verification tells of many pictures of the shipped model, and of real ones.

The full form, a thousand pictures of each kind, takes minutes and prints its figures:

    CAMPAIGN_CASES=1000 python -m pytest -s tests/test_verify_figures.py
"""

import gzip
import io
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from conftest import CAMPAIGN_CASES
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from support.in_process import started_app
from support.serving import ROOT

from models.bundle import open_bundle
from models.engine import EngineName
from models.engine_selection import this_machine
from models.runtime import Runtime
from service.encoders import encode_picture
from service.encoders.marks import Marks
from service.formats import Format
from service.latents import address_range
from service.middleware import RequestLimitsMiddleware
from service.upload import read_upload
from service.verification import NearestSearch

pytestmark = pytest.mark.slow
PICTURES = min(1_000, CAMPAIGN_CASES or 24)
ADDRESSES = 10_000 if PICTURES == 1_000 else 256
REAL = ROOT.parent / "shared" / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"
FORMATS = (Format.PNG, Format.JPEG, Format.WEBP)
MNIST = ROOT / "models" / "mnist"


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service of the shipped digits, drawn by onnxruntime in float32."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "mnist").symlink_to(MNIST)
    app = started_app(folder, f"sqlite:///{tmp_path_factory.mktemp('grades') / 'grades.db'}")
    with TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000") as client:
        yield client
    app.stop()


def ours(client: TestClient, at: int, chosen: Format = Format.PNG) -> bytes:
    """The first picture of seed `at`."""
    answer = client.post("/generate", json={"seed": at, "format": chosen.value})
    assert answer.status_code == 200, answer.text
    return answer.content


def verified(client: TestClient, data: bytes) -> dict:
    answer = client.post("/verify", content=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def verdicts(what: str, found: list[dict]) -> Counter:
    """How often each verdict was found, printed."""
    counted = Counter(one["verdict"] for one in found)
    levels = [one["levels"] for one in found if one["levels"] is not None]
    print(f"{what}: {dict(counted)}" + (f", {min(levels)} to {max(levels)} levels apart" if levels else ""))
    return counted


def packet_of(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).info["xmp"]


def real_digits() -> NDArray[np.uint8]:
    """Of the test set, (N, 28, 28, 1)."""
    if not REAL.exists():
        pytest.skip(f"real pictures are not there: {REAL}")
    return np.frombuffer(gzip.open(REAL).read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)[:PICTURES]


def test_all_of_ours_verify(mnist: TestClient):
    found = [verified(mnist, ours(mnist, at, FORMATS[at % 3])) for at in range(PICTURES)]

    assert verdicts("ours, as PNG, JPEG and WebP", found) == {"identical": PICTURES}


def test_no_real_one_does(mnist: TestClient):
    """Neither as it is, nor with a mark of ours on it, nor among the addresses of a range."""
    real, packet = real_digits(), packet_of(ours(mnist, 0))
    bare = [verified(mnist, encode_picture(one, Format.PNG)) for one in real]
    marked = [verified(mnist, encode_picture(one, Format.PNG, packet)) for one in real]
    assert verdicts("real", bare) == {"no recipe": PICTURES}
    assert verdicts("real, with a mark of ours", marked) == {"changed": PICTURES}

    bundle = open_bundle(MNIST)
    runtime = Runtime(bundle, threads=1, warm_all=False)
    searches = [NearestSearch(read_upload(encode_picture(one, Format.PNG))) for one in real]
    for start in range(0, ADDRESSES, 256):
        drawn_NHWC = runtime.generate(7, start, min(256, ADDRESSES - start))
        for search in searches:
            search.look(drawn_NHWC)
    source = address_range(bundle.card, 7, 0, ADDRESSES, None, 1.0)
    judged = [search.judged(source, bundle.card, runtime.engine) for search in searches]
    among = [{"verdict": one.verdict.value, "levels": one.levels} for one in judged]
    assert verdicts(f"real, among {ADDRESSES:,} addresses", among) == {"not ours": PICTURES}


def test_one_level_in_one_pixel_is_told_of_each(mnist: TestClient):
    random, found = np.random.default_rng(0), []
    for at in range(PICTURES):
        data = ours(mnist, at)
        pixels = np.array(Image.open(io.BytesIO(data)))
        place = tuple(random.integers(0, 28, 2))
        pixels[place] = pixels[place] + 1 if pixels[place] < 255 else 254
        found.append(verified(mnist, encode_picture(pixels[..., None], Format.PNG, packet_of(data))))

    assert verdicts("one level in one pixel", found) == {"changed": PICTURES}
    assert {(one["levels"], one["changed_pixels"]) for one in found} == {(1, 1)}


def test_what_is_saved_again_as_jpeg_has_a_recipe_and_changed_pixels(mnist: TestClient):
    found = []
    for at in range(PICTURES):
        file, data = io.BytesIO(), ours(mnist, at)
        with Image.open(io.BytesIO(data)) as picture:
            picture.save(file, "jpeg", xmp=picture.info["xmp"])
        found.append(verified(mnist, file.getvalue()))

    assert verdicts("saved again as JPEG", found) == {"changed": PICTURES}
    assert all(one["recipe"]["seed"] == at and one["levels"] > 0 for at, one in enumerate(found))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_another_engine_drew_is_of_the_same_address(mnist: TestClient, precision: str):
    machine = this_machine()
    if not machine.has_openvino or (precision == "bfloat16" and not machine.lists_bfloat16()):
        pytest.skip(f"OpenVINO does not draw in {precision} here")
    runtime = Runtime(open_bundle(MNIST), EngineName("openvino", "cpu", precision), threads=1, warm_all=False)
    found = []
    for at in range(PICTURES):
        source = address_range(runtime.card, at, 0, 1, None, 1.0)
        picture = runtime.draw(*source.codes(runtime, 0, 1))[0]
        found.append(verified(mnist, encode_picture(picture, Format.PNG, Marks(source, runtime.engine).of_file())))

    counted = verdicts(f"drawn by OpenVINO in {precision}", found)
    assert counted["same address"] + counted["identical"] == PICTURES
    assert precision == "float32" or counted["same address"] > 0
    assert all("Made by openvino" in one["explanation"] for one in found if one["verdict"] == "same address")
