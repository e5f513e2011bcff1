"""Enlargements: the whole multiple nearest to a size, or Lanczos to the size itself; /verify proves both."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient
from support.streamed import random_pictures

from service.encoders import encode_picture
from service.enlargement import AS_DRAWN, Enlargement, enlargement_to
from service.formats import Format

SIDES = st.integers(1, 4_096)


@pytest.fixture(scope="module")
def place(client: TestClient) -> dict[str, str]:
    cards = [one["card"] for one in client.get("/models").json()["models"]]
    return {card["name"]: f"/models/{card['name']}/{card['version']}/images/7/3" for card in cards}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@given(SIDES, SIDES, st.sampled_from([512, 1_024]))
def test_repeated_pixels_come_as_near_to_the_size_as_whole_multiples_do(height: int, width: int, size: int):
    found = enlargement_to(size, "nearest", height, width)
    longest = max(height, width)

    assert found.smooth_size is None
    assert found.times == min(range(1, size + 2), key=lambda times: (abs(times * longest - size), times))


@given(SIDES, SIDES, st.sampled_from([512, 1_024]))
def test_a_smooth_one_has_the_size_exactly_and_nothing_is_made_smaller(height: int, width: int, size: int):
    found = enlargement_to(size, "smooth", height, width)

    assert not found.shrinks(height, width)
    assert max(found.size(height, width)) == max(size, height, width)
    assert (found == AS_DRAWN) == (max(height, width) >= size)


@given(
    st.one_of(st.builds(Enlargement, st.integers(1, 99)), st.builds(Enlargement, st.just(1), st.tuples(SIDES, SIDES)))
)
def test_a_mark_spells_each_in_a_way_that_is_read_again(one: Enlargement):
    assert Enlargement.of(one.times, one.smooth) == one


@pytest.mark.parametrize(("times", "smooth"), [(0, None), (2, "8x8"), (1, "8"), (1, "0x8"), (1, "8x8x8"), (1, "٣x3")])
def test_what_no_mark_of_ours_says_is_none(times: int, smooth: str | None):
    with pytest.raises(ValueError, match="expected one of both: 18, or 512x512"):
        Enlargement.of(times, smooth)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_pixels_are_repeated_or_those_of_pillow(channels: int):
    picture = random_pictures(1, channels)[0]
    smooth = Enlargement(smooth_size=(60, 50)).apply(picture)
    pillow = Image.fromarray(picture.squeeze()).resize((50, 60), Image.Resampling.LANCZOS)

    assert np.array_equal(Enlargement(3).apply(picture), picture.repeat(3, axis=0).repeat(3, axis=1))
    assert np.array_equal(smooth.squeeze(), np.asarray(pillow))


@pytest.mark.parametrize(
    ("query", "size"), [("size=512", (520, 312)), ("size=1024", (1_020, 612)), ("size=512&scaling=smooth", (512, 307))]
)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_comes_enlarged_at_its_url_and_is_proved(
    client: TestClient, place: dict, query: str, size: tuple[int, int], suffix: str
):
    url = f"{place['colour']}.{suffix}?{query}"
    answer = client.get(url, follow_redirects=False)
    found = client.post("/verify", content=answer.content).json()
    again = client.get(url, headers={"if-none-match": answer.headers["etag"]})

    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == size
    assert (found["verdict"], found["recipe"]["seed"], found["recipe"]["index"]) == ("identical", 7, 3)
    assert found["recipe"]["smooth"] == (f"{size[0]}x{size[1]}" if "smooth" in query else None)
    named = f"{size[0]}-smooth" if "smooth" in query else size[0]
    assert answer.headers["content-disposition"] == f'inline; filename="colour-7-3-{named}.{suffix}"'
    assert found["recipe"]["times"] == (1 if "smooth" in query else size[0] // 20)
    assert again.status_code == 304
    assert client.get(f"{place['colour']}.{suffix}").headers["etag"] != answer.headers["etag"]


def test_repeated_pixels_are_those_of_the_picture(client: TestClient, place: dict):
    small, large = (pixels(client.get(f"{place['grey']}.png{query}").content) for query in ("", "?size=512"))

    assert np.array_equal(large, small.repeat(64, axis=0).repeat(64, axis=1))


@pytest.mark.parametrize(
    ("query", "moved"),
    [
        ("?scaling=nearest&size=512", "?size=512"),
        ("?scaling=smooth", ""),
        ("?size=0512", "?size=512"),
        ("?scaling=smooth&size=512&truncation=0.50", "?truncation=0.5&size=512&scaling=smooth"),
    ],
)
def test_an_enlargement_has_one_url(client: TestClient, place: dict, query: str, moved: str):
    answer = client.get(f"{place['grey']}.png{query}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (308, f"3.png{moved}")


def test_other_sizes_are_refused_in_words(client: TestClient, place: dict):
    for query, words in (("size=600", "expected 512 or 1024"), ("size=512&scaling=fast", "'nearest' or 'smooth'")):
        answer = client.get(f"{place['grey']}.png?{query}")
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


@pytest.mark.parametrize("query", ["size=512", "size=512&scaling=smooth"])
def test_an_enlargement_without_its_mark_is_found_in_a_range(client: TestClient, place: dict, query: str):
    file = io.BytesIO()
    Image.open(io.BytesIO(client.get(f"{place['colour']}.png?{query}").content)).save(file, "png")
    found = client.post("/verify", content=file.getvalue(), params={"model": "colour", "seed": 7, "n": 9}).json()

    assert (found["verdict"], found["url"]) == ("identical", f"{place['colour'][1:]}.png")


def test_one_level_in_one_pixel_of_a_smooth_one_is_told(client: TestClient, place: dict):
    data = client.get(f"{place['colour']}.png?size=512&scaling=smooth").content
    with Image.open(io.BytesIO(data)) as picture:
        changed, packet = np.array(picture), picture.info["xmp"]
    changed[5, 5, 0] ^= 1
    found = client.post("/verify", content=encode_picture(changed, Format.PNG, packet)).json()

    assert (found["verdict"], found["levels"], found["changed_pixels"]) == ("changed", 1, 1)


@pytest.mark.parametrize(
    ("smooth", "words"), [("1x1", "is smaller than what is drawn"), ("9x", "expected one of both")]
)
def test_a_strangers_mark_that_makes_a_picture_smaller_proves_nothing(
    client: TestClient, place: dict, smooth: str, words: str
):
    """One pixel is the mean of many pictures."""
    data = client.get(f"{place['grey']}.png?size=512&scaling=smooth").content
    answer = client.post("/verify", content=_with_smooth(data, smooth))

    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def _with_smooth(data: bytes, smooth: str) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        grey, packet = np.array(picture), picture.info["xmp"]
    return encode_picture(
        grey[..., None], Format.PNG, packet.replace(b'smooth="512x512"', f'smooth="{smooth}"'.encode())
    )
