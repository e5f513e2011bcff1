"""JSON is read by the standard library, and says of each picture what there is to say."""

import base64
import json

import numpy as np
import pytest
from support.streamed import address, opened, random_pictures, written

from service.encoders.objects import JsonStream
from service.encoders.png import encode_pngs
from service.latents import Asked, Codes


def codes(n: int, labels: np.ndarray | None = None) -> Codes:
    return Codes("m", "0" * 16, np.zeros((n, 2), np.float32), labels, ('a "b"', "\\ü\n"))


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_json_gives_each_picture_with_its_own_address(cut: int):
    images = random_pictures(10)
    answer = json.loads(written(JsonStream(address(10, start=7)), images, cut))

    assert (answer["model"], answer["version"], answer["seed"]) == ("m", "0" * 16, 2**64 - 1)
    assert [one["index"] for one in answer["images"]] == list(range(7, 17))
    assert {(one["seed"], one["truncation"]) for one in answer["images"]} == {(2**64 - 1, 0.5)}
    assert all(
        np.array_equal(opened(base64.b64decode(one["png"])), image)
        for one, image in zip(answer["images"], images, strict=True)
    )


@pytest.mark.parametrize(
    "asked", [address(10), codes(10), codes(10, np.arange(10) % 2)], ids=["address", "codes", "classes"]
)
@pytest.mark.parametrize("cut", [1, 4, 10])
def test_it_is_what_the_standard_library_would_write(asked: Asked, cut: int):
    images = random_pictures(10)
    pngs = [base64.b64encode(png).decode() for png in encode_pngs(images)]
    expected = {**asked.told(), "images": [{**asked.told_of(at), "png": png} for at, png in enumerate(pngs)]}

    assert written(JsonStream(asked), images, cut) == json.dumps(expected).encode()
