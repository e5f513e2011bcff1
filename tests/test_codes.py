"""The address of a picture: golden words and codes, and slices that agree however they are cut."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.codes import ADDRESS_END, _words, codes, labels
from models.errors import AddressError

LAST = ADDRESS_END - 1
seeds = st.integers(0, LAST)
code_sizes = st.integers(1, 20)


def philox4x64_10(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x64-10 as the paper [Salmon2011] describes it, in plain integers."""
    mask = LAST
    for _ in range(10):
        high_0, low_0 = divmod(counter[0] * 0xD2E7470EE14C6C93, ADDRESS_END)
        high_2, low_2 = divmod(counter[2] * 0xCA5A826395121157, ADDRESS_END)
        counter = [high_2 ^ counter[1] ^ key[0], low_2, high_0 ^ counter[3] ^ key[1], low_0]
        key = [(key[0] + 0x9E3779B97F4A7C15) & mask, (key[1] + 0xBB67AE8584CAA73B) & mask]
    return counter


@pytest.mark.parametrize("seed", [0, 7, 2**53 + 1, LAST])
@pytest.mark.parametrize("start", [0, 5, 2**63, LAST - 1])
def test_words_are_those_of_the_paper_at_the_counter_of_the_image(seed: int, start: int):
    """numpy counts up before it draws, so image i of B blocks owns the counters iB + 1 to iB + B."""
    blocks = 3
    expected = []
    for block in range(start * blocks + 1, start * blocks + 1 + 2 * blocks):
        counter = [(block >> shift) & LAST for shift in (0, 64, 128, 192)]
        expected += philox4x64_10(counter, [seed, 0])

    assert _words(seed, 0, start, 2, blocks).ravel().tolist() == expected


def test_codes_are_the_golden_ones():
    """Changing them changes every picture of every model."""
    golden = np.array(
        [
            [-0.5702505, 1.9461275, -0.86485827, 0.58464634, -0.13685097],
            [0.03869648, -0.16406979, -1.8584944, -0.39226472, 0.60477287],
            [-0.3523296, -0.055732828, -1.411859, 0.5532671, -0.7159333],
        ],
        np.float32,
    )

    assert np.array_equal(codes(7, 0, 3, 5), golden)


def test_codes_at_the_far_end_are_the_golden_ones():
    golden = np.array(
        [
            [1.0824121, 0.9499455, 0.5605707, -0.5419947, -1.0042758, -0.7735106],
            [0.84368306, -0.6445373, 0.9007616, 1.1851919, 1.366138, 2.2311635],
        ],
        np.float32,
    )

    assert np.array_equal(codes(LAST, LAST - 1, 2, 6), golden)


def test_a_code_is_box_and_mullers_transform_of_its_words():
    words = [int(word) for word in _words(3, 0, 11, 1, 1)[0]]
    u = [(word >> 11) * 2.0**-53 for word in words]
    radius, angle = math.sqrt(-2 * math.log(1 - u[0])), 2 * math.pi * u[1]

    found = codes(3, 11, 1, 2)[0]

    assert found == pytest.approx([radius * math.cos(angle), radius * math.sin(angle)], rel=1e-6)


@given(seeds, st.integers(0, LAST - 64), code_sizes, st.lists(st.integers(0, 9), min_size=1, max_size=6))
@settings(max_examples=60)
def test_slices_agree_however_they_are_cut(seed: int, start: int, code_size: int, cuts: list[int]):
    whole = codes(seed, start, sum(cuts), code_size)
    starts = np.cumsum([0, *cuts[:-1]])
    pieces = [codes(seed, start + int(at), count, code_size) for at, count in zip(starts, cuts, strict=True)]

    assert np.array_equal(whole, np.concatenate(pieces))


@given(seeds, st.integers(0, LAST - 64), st.integers(1, 30))
@settings(max_examples=40)
def test_labels_agree_however_they_are_cut(seed: int, start: int, cut: int):
    whole = labels(seed, start, 30, [1, 5, 2])

    assert np.array_equal(whole, np.concatenate([labels(seed, start, cut, [1, 5, 2]), whole[cut:]]))
    assert labels(seed, start + cut - 1, 1, [1, 5, 2])[0] == whole[cut - 1]


def test_a_smaller_code_size_of_as_many_blocks_is_the_beginning_of_the_larger():
    """The surplus of the last block is dropped for each image, and no image borrows another's words."""
    assert np.array_equal(codes(9, 0, 4, 5), codes(9, 0, 4, 8)[:, :5])


def test_seeds_that_differ_in_their_lowest_bit_past_2_to_the_53_differ():
    """Through a float64, 2^53 and 2^53 + 1 would be one seed."""
    assert not np.array_equal(codes(2**53, 0, 1, 4), codes(2**53 + 1, 0, 1, 4))


def test_codes_are_standard_normal():
    """Mean 0 and variance 1 within five standard errors of 200,000 draws; no two images alike."""
    drawn = codes(1, 0, 25_000, 8)

    assert abs(drawn.mean()) < 5 / math.sqrt(drawn.size)
    assert abs(drawn.var() - 1) < 5 * math.sqrt(2 / drawn.size)
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 5 / math.sqrt(len(drawn))


def test_truncation_multiplies():
    assert np.array_equal(codes(1, 2, 3, 4, truncation=0.5), codes(1, 2, 3, 4) * np.float32(0.5))
    assert not codes(1, 2, 3, 4, truncation=0).any()


def test_labels_follow_the_counts_and_never_name_an_empty_class():
    drawn = np.bincount(labels(4, 0, 40_000, [1, 0, 3]), minlength=3) / 40_000

    assert drawn == pytest.approx([0.25, 0, 0.75], abs=0.01)


def test_labels_are_the_golden_ones():
    assert labels(7, 0, 5, [1, 2, 3]).tolist() == [2, 2, 2, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": ADDRESS_END}, "seed is 18446744073709551616"),
        ({"start": -1}, "start -1"),
        ({"start": LAST, "count": 2}, "outside the indices"),
        ({"truncation": math.nan}, "truncation is nan"),
        ({"truncation": 2.5}, "0 to 2.0"),
    ],
)
def test_an_address_out_of_range_is_refused_in_words(arguments: dict, words: str):
    with pytest.raises(AddressError, match=words):
        codes(**{"seed": 0, "start": 0, "count": 1, "code_size": 4, **arguments})


@pytest.mark.parametrize("counts", [[0, 0], [2**32], [3, -1]])
def test_counts_that_cannot_be_drawn_from_are_refused(counts: list[int]):
    with pytest.raises(AddressError, match="class counts"):
        labels(0, 0, 1, counts)
