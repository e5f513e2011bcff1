"""All files of a source, in their order, however many; what is no picture is named and skipped with its label."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from test_decode import NOT_READ, RED_BLUE, bytes_as, encoded

from training.data.decode import Decoded, read_arrays, read_files
from training.data.shape import Shape
from training.data.sources import Arrays, Encoded, EncodedFile


def read(files: list[EncodedFile], shape: Shape = Shape(), classes: tuple[str, ...] | None = None) -> Decoded:
    return read_files(Encoded(lambda: files, len(files), "", classes), shape, lambda _done, _total: None)


def grey(level: int = 0, side: int = 16, class_name: str | None = None) -> EncodedFile:
    return EncodedFile(f"{level}", encoded(Image.new("L", (side, side), level)).read, class_name)


BAD = [bytes_as("notes.txt", b"these are notes"), bytes_as("empty.png", b"")]


def test_the_order_of_the_files_is_kept():
    assert read([grey(level) for level in range(250)]).images[:, 0, 0, 0].tolist() == list(range(250))


def test_pictures_of_one_small_size_keep_it():
    assert read([encoded(Image.new("RGB", (20, 12)))] * 2).images.shape == (2, 12, 20, 3)


@pytest.mark.parametrize("sizes", [[(100, 100), (100, 100)], [(20, 12), (12, 20)]])
def test_large_or_mixed_sizes_become_64_squared(sizes: list[tuple[int, int]]):
    assert read([encoded(Image.new("RGB", size)) for size in sizes]).images.shape == (2, 64, 64, 3)


def test_grey_pictures_have_one_channel_and_one_colour_picture_makes_three():
    assert read([grey(), grey()]).images.shape[-1] == 1
    assert read([grey(), encoded(RED_BLUE)]).images.shape[-1] == 3


def test_two_and_a_half_percent_of_corrupt_files_are_named_and_counted():
    decoded = read([grey(level) for level in range(78)] + BAD)

    assert decoded.images.shape == (78, 16, 16, 1)
    assert [(one.name, one.reason) for one in decoded.skipped] == [
        ("notes.txt", NOT_READ),
        ("empty.png", "empty file"),
    ]


def test_skipped_pictures_drop_their_labels():
    files = [
        grey(0, class_name="a"),
        EncodedFile("b.png", bytes, "b"),
        grey(1, class_name="c"),
        grey(2, class_name="b"),
    ]

    assert read(files, classes=("a", "b", "c")).labels.tolist() == [0, 2, 1]


def test_one_picture_without_a_class_means_no_classes_and_says_so():
    decoded = read([grey(0, class_name="a"), grey(1, class_name="b"), grey(2)], classes=("a", "b"))

    assert (decoded.labels, decoded.classes) == (None, None)
    assert decoded.notes[1] == "no classes: 1 of 3 pictures lie outside of the class folders"


def test_what_is_no_picture_needs_no_class():
    assert read([grey(0, class_name="a"), grey(1, class_name="b"), BAD[0]], classes=("a", "b")).classes == ("a", "b")


@pytest.mark.parametrize("bad", [2, 3])
def test_sixty_percent_unreadable_is_fatal_and_says_why(bad: int):
    with pytest.raises(ValueError, match=rf"{bad} of {bad + 2} files are not readable pictures \(notes\.txt: "):
        read([grey(), grey()] + BAD[:1] * bad)


def test_nothing_at_all_is_fatal():
    with pytest.raises(ValueError, match="found no file in it"):
        read([])


@pytest.mark.parametrize(("size", "said"), [((1, 1), "1 x 1 pixels"), ((20_000, 10), "10 x 20000 pixels")])
def test_slivers_among_good_pictures_are_skipped_and_alone_are_refused_with_their_size(
    size: tuple[int, int], said: str
):
    sliver = EncodedFile("sliver.png", encoded(Image.new("RGB", size)).read)
    decoded = read([grey(), sliver, grey()])

    assert decoded.images.shape == (2, 16, 16, 1)
    assert decoded.skipped[0].reason.startswith(said)
    with pytest.raises(ValueError, match=f"2 of 2 files are not readable pictures .*{said}"):
        read([sliver, sliver])


def test_progress_counts_every_file_once_for_its_header_and_once_for_its_pixels():
    seen: list[tuple[int, int]] = []
    files = [grey(level) for level in range(40)]
    read_files(Encoded(lambda: files, 40, ""), Shape(), lambda done, total: seen.append((done, total)))

    assert seen == [(done, 80) for done in range(1, 81)]


def test_a_shape_that_is_asked_for_needs_no_headers():
    seen: list[tuple[int, int]] = []
    files = [grey(level) for level in range(40)]
    read_files(Encoded(lambda: files, 40, ""), Shape((16, 16), 1), lambda done, total: seen.append((done, total)))

    assert seen[-1] == (40, 40)


def test_only_a_few_encoded_files_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch):
    """4,000 files that count themselves from being handed out to being decoded."""
    monkeypatch.setattr("training.data.decode.usable_cores", lambda: 2)
    data, held, most, lock = encoded(Image.new("L", (8, 8))).read(), 0, 0, threading.Lock()

    def count(by: int) -> None:
        nonlocal held, most
        with lock:
            held, most = held + by, max(most, held + by)

    def bytes_of_one() -> bytes:
        count(-1)
        return data

    def files() -> Iterator[EncodedFile]:
        for index in range(4000):
            count(+1)
            yield EncodedFile(str(index), bytes_of_one)

    assert len(read_files(Encoded(files, 4000, ""), Shape((8, 8), 1), lambda _done, _total: None).images) == 4000
    assert most < 400


@pytest.mark.parametrize("shape", [Shape((16, 12), 3, "stretch"), Shape((16, 12), 3, "pad")])
def test_arrays_get_their_shape_too(shape: Shape):
    assert read_arrays(Arrays(np.zeros((5, 8, 8, 1), np.uint8)), shape).images.shape == (5, 16, 12, 3)


def test_arrays_that_have_the_shape_already_are_left_as_they_are():
    images = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 1), np.uint8)

    assert read_arrays(Arrays(images), Shape()).images is images


def test_arrays_of_dots_are_refused():
    with pytest.raises(ValueError, match=r"the pictures are 4 x 4 pixels .*expected 8 or more a side"):
        read_arrays(Arrays(np.zeros((5, 4, 4, 1), np.uint8)), Shape())
