"""Marks: every file says that its pictures are synthetic, and by what recipe they are drawn again; no pixel changes."""

import io
import json
import shutil
import subprocess
import zipfile
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from support.streamed import random_pictures, written

from models.class_weights import ClassWeights, PictureClasses
from service.encoders import encode_animation, encode_picture, stream_of
from service.encoders.marks import DIGITAL_SOURCE_TYPE, LARGEST_PACKET_BYTES, Marks, Recipe, read_recipe
from service.enlargement import Enlargement
from service.formats import Format
from service.latents import AddressRange, ExplicitCodes

NAMES = tuple("0123456789")
ENGINE = "onnxruntime-1.32.0-cpu-float32"
WEIGHTS = ClassWeights(((3, 500), (8, 500)))
ONE_PICTURE = [Format.PNG, Format.JPEG, Format.WEBP]


def marks(n: int = 1, label: int | ClassWeights = 3, truncation: float = 1.0, start: int = 5) -> Marks:
    classes = PictureClasses.of(label, n, 10)
    return Marks(
        AddressRange("digits", "6de6e7b1f939bd83", 7, start, n, truncation, classes, NAMES, str(label)), ENGINE
    )


def packet_of(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).info["xmp"]


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("chosen", ONE_PICTURE)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_holds_the_packet_as_it_is_and_the_same_pixels(chosen: Format, channels: int):
    picture = random_pictures(1, channels)[0]
    marked, plain = (encode_picture(picture, chosen, mark) for mark in (marks().of_file(), b""))

    assert packet_of(marked) == marks().of_file()
    assert marks().of_file() in marked, "not compressed"
    assert "xmp" not in Image.open(io.BytesIO(plain)).info
    assert np.array_equal(pixels_of(marked), pixels_of(plain))
    assert len(marked) - len(plain) <= 700


def test_an_enlarged_picture_says_by_how_much_within_the_same_700_bytes():
    made = marks(label=ClassWeights(tuple((number, 100) for number in range(10))), truncation=0.125, start=2**64 - 1)
    packet = replace(made, enlargement=Enlargement(2_048)).of_picture(0)

    assert read_recipe(packet).times == 2_048
    assert (
        len(encode_picture(random_pictures(1)[0], Format.PNG, packet))
        - len(encode_picture(random_pictures(1)[0], Format.PNG))
        <= 700
    )
    assert b"times" not in made.of_picture(0), "older marks, which have none, are read as 1"


def test_an_animation_holds_it_too():
    mark = marks(5).of_file()

    assert packet_of(encode_animation(random_pictures(5), 10, mark)) == mark


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (marks(), Recipe("digits", "6de6e7b1f939bd83", ENGINE, 7, 5, 1, "3")),
        (marks(label=WEIGHTS), Recipe("digits", "6de6e7b1f939bd83", ENGINE, 7, 5, 1, "3:500,8:500")),
        (marks(truncation=0.1), Recipe("digits", "6de6e7b1f939bd83", ENGINE, 7, 5, 1, "3", 0.1)),
        (marks(64), Recipe("digits", "6de6e7b1f939bd83", ENGINE, 7, 5, 64, "3")),
        (
            Marks(replace(marks(64).source, requested=None), ENGINE),
            Recipe("digits", "6de6e7b1f939bd83", ENGINE, 7, 5, 64),
        ),
        (marks(start=2**64 - 1), Recipe("digits", "6de6e7b1f939bd83", ENGINE, 7, 2**64 - 1, 1, "3")),
    ],
)
def test_the_recipe_is_read_back(made: Marks, expected: Recipe):
    assert read_recipe(made.of_file()) == expected


def test_pictures_without_an_address_name_the_model_alone():
    source = ExplicitCodes("digits", "6de6e7b1f939bd83", np.zeros((2, 4), np.float32), None)

    assert read_recipe(Marks(source, ENGINE).of_picture(1)) == Recipe("digits", "6de6e7b1f939bd83", ENGINE)
    assert read_recipe(Marks(source, ENGINE).of_file()) == Recipe("digits", "6de6e7b1f939bd83", ENGINE, n=2)


def test_names_are_escaped():
    source = AddressRange('a"<&>', "6de6e7b1f939bd83", 7, 0, 1, 1.0)

    found = read_recipe(Marks(source, "an engine & more").of_file())

    assert found is not None
    assert (found.model, found.engine) == ('a"<&>', "an engine & more")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<x:xmpmeta",
        b"\xff\xfe\x00",
        marks().of_file().replace(b'zoetrope:seed="7"', b'zoetrope:seed="seven"'),
        marks().of_file().replace(b'zoetrope:model="digits"', b""),
        marks().of_file().replace(b"urn:zoetrope:recipe:1", b"urn:zoetrope:recipe:2"),
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + marks().of_file(),
        marks().of_file() + b" " * LARGEST_PACKET_BYTES,
    ],
)
def test_a_packet_that_is_not_ours_or_cannot_be_read_is_no_recipe(packet: bytes):
    assert read_recipe(packet) is None


@given(st.binary(max_size=300), st.integers(0, 500), st.integers(0, 40))
def test_no_strangers_packet_raises(inserted: bytes, at: int, cut: int):
    packet = marks().of_file()

    read_recipe(packet[:at] + inserted + packet[at + cut :])


def test_a_zip_ends_with_the_recipe_and_its_pictures_have_their_own():
    made = marks(3)
    data = written(stream_of(Format.ZIP, made.source, (6, 5, 3), made), random_pictures(3), 2)

    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.namelist() == ["000005.png", "000006.png", "000007.png", "recipe.json"]
        assert [packet_of(file.read(name)) for name in file.namelist()[:3]] == [made.of_picture(at) for at in range(3)]
        recipe = json.loads(file.read("recipe.json"))
    assert recipe == {
        "digital_source_type": DIGITAL_SOURCE_TYPE,
        "model": "digits",
        "version": "6de6e7b1f939bd83",
        "seed": 7,
        "engine": ENGINE,
        "start": 5,
        "n": 3,
        "truncation": 1.0,
        "classes": "3",
    }


def test_json_has_the_same_fields_and_marked_pictures():
    made = marks(2)

    answer = json.loads(written(stream_of(Format.JSON, made.source, (6, 5, 3), made), random_pictures(2), 1))

    assert answer.pop("images")[1]["index"] == 6
    assert answer == made.fields()


def test_npy_keeps_its_bytes():
    made = marks(2)
    marked, plain = (stream_of(Format.NPY, made.source, (6, 5, 3), some) for some in (made, None))

    assert written(marked, random_pictures(2), 1) == written(plain, random_pictures(2), 1)


def answered(client: TestClient, folder: Path) -> dict[str, dict]:
    """Files of every kind that the API answers with, in a folder -> what the mark of each must say.

    TagN is how exiftool calls `n`, because it gives no name of one letter.
    """
    expected: dict[str, dict] = {}

    def keep(name: str, data: bytes, **recipe: object) -> None:
        (folder / name).write_bytes(data)
        expected[name] = {"Model": "pets", **recipe}

    def post(path: str, **body: object) -> bytes:
        answer = client.post(path, json={"model": "pets", **body})
        assert answer.status_code == 200, answer.text
        return answer.content

    asked = {"seed": 7, "start": 5, "label": "dog"}
    one, sheet = ({"Seed": 7, "Index": 5, "Classes": 1, **more} for more in ({}, {"TagN": 9}))
    for chosen in ONE_PICTURE:
        keep(f"one.{chosen.suffix}", post("/generate", **asked, format=chosen), **one)
        keep(f"sheet.{chosen.suffix}", post("/generate", **asked, n=9, format=chosen), **sheet)
        codes = {"codes": [[0.5] * 4], "label": "dog"}
        keep(f"decoded.{chosen.suffix}", post("/decode", **codes, format=chosen))
        enlarged = json.loads(post("/v1/images/generations", prompt="dog", size="16x16", seed=7, output_format=chosen))[
            "data"
        ][0]["b64_json"]
        keep(f"enlarged.{chosen.suffix}", b64decode(enlarged), Seed=7, Index=0, Classes=1, Times=2)
    points = [{"seed": 1, "index": 0}, {"seed": 1, "index": 1}]
    keep("moving.webp", post("/interpolate", points=points, frames=4, format="webp"), TagN=4)
    keep("strip.png", post("/interpolate", points=points, frames=4, format="png"), TagN=4)
    with zipfile.ZipFile(io.BytesIO(post("/generate", **asked, n=2, format="zip"))) as file:
        for at, name in enumerate(file.namelist()[:2]):
            keep(f"zip-{name}", file.read(name), Seed=7, Index=5 + at, Classes=1)
        assert json.loads(file.read(file.namelist()[-1]))["digital_source_type"] == DIGITAL_SOURCE_TYPE
    found = json.loads(post("/generate", **asked, n=2, format="json"))
    assert found["digital_source_type"] == DIGITAL_SOURCE_TYPE
    for at, picture in enumerate(found["images"]):
        keep(f"json-{at}.png", b64decode(picture["png"]), Seed=7, Index=5 + at, Classes=1)
    return expected


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="no exiftool, which Debian's libimage-exiftool-perl has")
def test_exiftool_reads_the_mark_of_every_kind_of_answer(client: TestClient, tmp_path: Path):
    expected = answered(client, tmp_path)

    answer = subprocess.run(
        ["exiftool", "-json", "-DigitalSourceType", "-XMP:all", "-Warning", tmp_path],
        capture_output=True,
        check=True,
        text=True,
    )

    found = {Path(one["SourceFile"]).name: one for one in json.loads(answer.stdout)}
    assert found.keys() == expected.keys()
    for name, recipe in expected.items():
        assert found[name]["DigitalSourceType"] == DIGITAL_SOURCE_TYPE, name
        assert "Warning" not in found[name], name
        assert {key: found[name].get(key) for key in ("Model", "Seed", "Index", "Classes", "TagN", "Times")} == {
            **dict.fromkeys(("Seed", "Index", "Classes", "TagN", "Times")),
            **recipe,
        }, name


def test_pillow_reads_the_same_of_every_kind_of_answer(client: TestClient, tmp_path: Path):
    for name, expected in answered(client, tmp_path).items():
        recipe = read_recipe(packet_of((tmp_path / name).read_bytes()))

        assert recipe is not None, name
        assert (recipe.seed, recipe.n, recipe.times) == (
            expected.get("Seed"),
            expected.get("TagN", 1),
            expected.get("Times", 1),
        ), name
