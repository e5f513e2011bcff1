"""`POST /verify` and `zoetrope verify`: a picture is drawn again by its recipe, and every pixel is compared."""

import io
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from support.in_process import PINNED
from support.uploads import BAD_UPLOADS, SIZE, saved, stereo

from models.bundle import open_bundle
from models.card import Card, Fidelity
from service.encoders import encode_picture
from service.encoders.marks import Recipe
from service.formats import Format
from service.upload import Upload
from service.verification import Verdict, compare
from service.verify_command import main

ONE_PICTURE = ["png", "jpeg", "webp"]


def drawn(client: TestClient, **body: object) -> bytes:
    found = client.post("/generate", json={"model": "colour", "seed": 7, "start": 5, "format": "png", **body})
    assert found.status_code == 200, found.text
    return found.content


def verified(client: TestClient, data: bytes, **query: object) -> dict:
    found = client.post("/verify", content=data, params=query, headers={"Content-Type": "image/png"})
    assert found.status_code == 200, found.text
    return found.json()


def altered(data: bytes, at: tuple[int, int] = (3, 4), by: int = 1, keep_mark: bool = True) -> bytes:
    """The picture with one pixel changed, saved again as PNG."""
    with Image.open(io.BytesIO(data)) as picture:
        pixels, packet = np.array(picture), picture.info["xmp"]
    pixels[at] = pixels[at].astype(np.int16) + np.where(pixels[at] < 128, by, -by)
    return encode_picture(pixels.reshape(*pixels.shape[:2], -1), Format.PNG, packet if keep_mark else b"")


def with_recipe(data: bytes, **changes: object) -> bytes:
    """The picture with attributes of its recipe replaced."""
    with Image.open(io.BytesIO(data)) as picture:
        pixels, packet = np.array(picture), picture.info["xmp"]
    for name, value in changes.items():
        packet = re.sub(f'zoetrope:{name}="[^"]*"'.encode(), f'zoetrope:{name}="{value}"'.encode(), packet)
    return encode_picture(pixels.reshape(*pixels.shape[:2], -1), Format.PNG, packet)


@pytest.mark.parametrize("chosen", ONE_PICTURE)
@pytest.mark.parametrize("model", ["grey", "colour", "pets"])
def test_what_was_drawn_here_is_identical_in_every_format(client: TestClient, model: str, chosen: str):
    found = verified(client, drawn(client, model=model, format=chosen))

    assert (found["verdict"], found["levels"], found["changed_pixels"]) == ("identical", 0, 0)
    assert found["recipe"]["seed"] == 7
    assert client.get(f"/{found['url']}").content == drawn(client, model=model)


@pytest.mark.parametrize("label", ["dog", {"cat": 1, "dog": 3}])
@pytest.mark.parametrize("n", [1, 9])
def test_a_requested_class_and_weights_are_part_of_the_recipe(client: TestClient, label: object, n: int):
    data = drawn(client, model="pets", label=label, n=n, truncation=0.3)

    assert verified(client, data)["verdict"] == "identical"


@pytest.mark.parametrize("chosen", ONE_PICTURE)
def test_a_sheet_is_drawn_again_from_its_range(client: TestClient, chosen: str):
    found = verified(client, drawn(client, n=10, format=chosen))

    assert (found["verdict"], found["recipe"]["n"], found["url"]) == ("identical", 10, None)


@pytest.mark.parametrize("chosen", ONE_PICTURE)
def test_a_picture_that_was_enlarged_for_openai_is_identical_too(client: TestClient, chosen: str):
    """Before: its mark had no factor, and it was changed by its size."""
    body = {"prompt": "dog", "model": "pets", "size": "48x48", "seed": 7, "output_format": chosen}
    (one,) = client.post("/v1/images/generations", json=body).json()["data"]
    data = b64decode(one["b64_json"])

    found = verified(client, data)

    assert (found["verdict"], found["recipe"]["times"]) == ("identical", 6)


def test_an_enlarged_picture_without_its_mark_is_found_in_a_range(client: TestClient):
    body = {"prompt": "dog", "model": "pets", "size": "48x48", "seed": 7}
    data = b64decode(client.post("/v1/images/generations", json=body).json()["data"][0]["b64_json"])

    found = verified(client, altered(data, by=0, keep_mark=False), model="pets", seed=7, n=3, label="dog")

    assert (found["verdict"], found["url"].rpartition("/")[2]) == ("identical", "0.png?label=dog")
    assert verified(client, altered(data))["levels"] == 1


def test_a_mark_that_names_a_factor_does_not_fill_the_memory(client: TestClient):
    (one,) = client.post("/v1/images/generations", json={"prompt": "", "model": "grey", "size": "16x16"}).json()["data"]

    data = b64decode(one["b64_json"])

    found = verified(client, with_recipe(data, times=10**12))
    refused = client.post("/verify", content=with_recipe(data, times=0))

    assert found["verdict"] == "changed"
    assert "its address is drawn in 8000000000000 x 8000000000000 pixels" in found["explanation"]
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "The recipe's n, truncation or times is out of range.",
    )


def test_one_level_in_one_pixel_is_told(client: TestClient):
    found = verified(client, altered(drawn(client)))

    assert (found["verdict"], found["levels"], found["changed_pixels"]) == ("changed", 1, 1)
    assert found["explanation"] == "Drawn again, it is at most 1 level apart in 1 pixel: pixels were changed."


def test_a_picture_that_was_saved_again_as_a_jpeg_is_changed_by_some_levels(client: TestClient):
    with Image.open(io.BytesIO(drawn(client))) as picture:
        file = io.BytesIO()
        picture.save(file, "jpeg", quality=60, xmp=picture.info["xmp"])

    found = verified(client, file.getvalue())

    assert found["verdict"] == "changed"
    assert found["levels"] > 0


def test_a_mark_on_another_picture_is_found_out(client: TestClient):
    packet = Image.open(io.BytesIO(drawn(client))).info["xmp"]
    pixels = np.array(Image.open(io.BytesIO(drawn(client, start=6))))

    assert verified(client, encode_picture(pixels, Format.PNG, packet))["verdict"] == "changed"
    small = verified(client, encode_picture(pixels[:5], Format.PNG, packet))
    assert (small["verdict"], small["levels"]) == ("changed", None)


def test_a_file_without_a_recipe_says_so_and_is_found_in_a_range(client: TestClient):
    bare = altered(drawn(client, start=7), by=0, keep_mark=False)
    version = client.get("/models/colour").json()["card"]["version"]

    assert verified(client, bare)["verdict"] == "no recipe"
    found = verified(client, bare, model="colour", seed=7, n=20)
    assert (found["verdict"], found["url"]) == ("identical", f"models/colour/{version}/images/7/7.png")
    elsewhere = verified(client, bare, model="colour", seed=8, n=20)
    assert (elsewhere["verdict"], elsewhere["url"]) == ("not ours", None)
    assert "None of the 20 addresses of colour" in elsewhere["explanation"]
    assert verified(client, bare, model="grey", seed=7)["verdict"] == "not ours"


def test_a_jpeg_without_a_recipe_is_found_in_a_range_too(client: TestClient):
    pixels = np.array(Image.open(io.BytesIO(drawn(client, start=11))))

    found = verified(client, encode_picture(pixels, Format.JPEG), model="colour", seed=7, start=4, n=20)

    assert found["verdict"] == "identical"
    assert found["url"].endswith("/7/11.png")


def test_pictures_without_an_address_say_so(client: TestClient):
    codes = client.post("/decode", json={"model": "colour", "codes": [[0.5] * 7], "format": "png"}).content
    points = [{"seed": 1, "index": 0}, {"seed": 1, "index": 1}]
    frames = client.post("/interpolate", json={"model": "colour", "points": points, "frames": 4, "format": "webp"})
    listed = drawn(client, model="pets", n=2, label=["cat", "dog"])

    assert [verified(client, data)["verdict"] for data in (codes, frames.content, listed)] == ["no address"] * 3


def test_a_recipe_of_a_model_that_is_not_here_is_not_ours(client: TestClient):
    for changes in ({"model": "elsewhere"}, {"version": "0123456789abcdef"}, {"model": "a/../b"}):
        found = verified(client, with_recipe(drawn(client), **changes))

        assert (found["verdict"], found["engine"]) == ("not ours", None)
        assert found["explanation"].startswith("Its recipe cannot be drawn here: ")


def card_of(bundles: Path) -> Card:
    card = open_bundle(bundles / "colour").card
    return card.model_copy(update={"fidelity": {"bfloat16": Fidelity(worst_db=45.0, median_db=54.0, images=4096)}})


@pytest.mark.parametrize(
    ("made_by", "by", "verdict"),
    [
        ("openvino-1-cpu-bfloat16", 3, Verdict.SAME_ADDRESS),
        ("openvino-1-cpu-float32", 2, Verdict.SAME_ADDRESS),
        ("openvino-1-cpu-float32", 3, Verdict.CHANGED),  # float32 rounds no further
        ("onnxruntime-1-cpu-float32", 1, Verdict.CHANGED),  # the same engine draws the same
        ("openvino-1-cpu-bfloat16", 40, Verdict.CHANGED),  # more than the card's figure explains
        ("onnxruntime-1-cuda-tf32", 1, Verdict.CHANGED),  # of which the card says nothing
    ],
)
def test_another_engine_may_differ_by_what_the_card_says(bundles: Path, made_by: str, by: int, verdict: Verdict):
    picture = np.full((12, 20, 3), 100, np.uint8)
    changed = picture.copy()
    changed[3, 4] += by
    data = encode_picture(changed, Format.PNG)
    upload = Upload(data, (12, 20), Format.PNG, Recipe("colour", "1", made_by, 7))

    found = compare(upload, picture[None], card_of(bundles), made_by, "onnxruntime-1-cpu-float32")

    assert (found.verdict, found.levels) == (verdict, by)


@pytest.mark.parametrize("what", BAD_UPLOADS)
def test_a_bad_upload_gets_a_clear_answer(client: TestClient, what: str):
    data, status, words = BAD_UPLOADS[what]

    answer = client.post("/verify", content=data)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    "data", [saved("RGB", (1, 1)), saved("CMYK", SIZE, "jpeg"), saved("RGBA", SIZE), saved("1", SIZE), stereo()]
)
def test_an_unusual_upload_is_only_a_picture_without_a_recipe(client: TestClient, data: bytes):
    assert verified(client, data)["verdict"] == "no recipe"


@pytest.mark.parametrize("changes", [{"seed": 2**64}, {"index": -1}, {"n": 1_025}, {"classes": "70"}])
def test_a_recipe_that_no_picture_has_is_refused_in_words(client: TestClient, changes: dict[str, object]):
    data = with_recipe(drawn(client, model="pets", n=4, label="dog"), **changes)

    answer = client.post("/verify", content=data)

    assert answer.status_code == 422
    assert re.search("out of range|label is 70; it must be 0 to 2", answer.json()["detail"])


@pytest.fixture
def _settings(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOETROPE_MODELS", str(bundles))
    for name, value in PINNED.items():
        monkeypatch.setenv(f"ZOETROPE_{name.upper()}", str(value))


@pytest.mark.usefixtures("_settings")
def test_the_command_says_the_same_and_exits_by_it(
    client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    ours, changed, bare = tmp_path / "ours.png", tmp_path / "changed.png", tmp_path / "bare.png"
    ours.write_bytes(drawn(client))
    changed.write_bytes(altered(drawn(client)))
    bare.write_bytes(altered(drawn(client), by=0, keep_mark=False))

    assert [main([str(path)]) for path in (ours, changed, bare)] == [0, 1, 1]
    assert main([str(bare), "--model", "colour", "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{ours}: identical. Drawn again, every pixel is the same. (colour ")
    assert lines[1].startswith(f"{changed}: changed. Drawn again, it is at most 1 level apart in 1 pixel")
    assert lines[2].startswith(f"{bare}: no recipe. ")
    assert lines[2].endswith("give --model and --seed, and --start and --n.")
    assert lines[3].endswith("(index 5)")


@pytest.mark.usefixtures("_settings")
def test_the_command_names_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "text.png").write_text("no picture")

    assert main([str(tmp_path / "none.png")]) == 1
    assert main([str(tmp_path / "text.png")]) == 1
    assert main([str(tmp_path / "text.png"), "--seed", "7"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert all(line.startswith("error: ") for line in errors)
