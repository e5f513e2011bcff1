"""Parquet files give encoded pictures row by row, and the classes that their writers meant."""

import json
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.data.parquet import parquet_source
from training.data.reading import UNLABELLED, Reading
from training.data.sources import Encoded

DATA = [b"a", b"b", b"c"]


def write(path: Path, names: list[str] | None = None, named: str = "label", **columns: object) -> Path:
    """A file with the encoded pictures a, b, c; with ClassLabel names as Hugging Face writes them."""
    table = pa.table({"img": DATA, **columns})
    if names:
        features = {named: {"_type": "ClassLabel", "names": names}, "img": {"_type": "Image"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path)
    return path


def classes_and_labels(*paths: Path, all_paths: tuple[Path, ...] = ()) -> tuple:
    found = parquet_source(paths, all_paths or paths)
    return found.classes, [file.class_name for file in found.files()]


@pytest.mark.parametrize("as_struct", [True, False])
def test_rows_are_the_bytes_of_the_image_column(tmp_path: Path, as_struct: bool):
    column = [{"bytes": data, "path": "x"} for data in DATA] if as_struct else DATA
    path = write(tmp_path / "p.parquet", thumb=[b"1"] * 3, image=column)
    found = parquet_source([path], [path])

    assert [file.name for file in found.files()] == [f"p.parquet row {row}" for row in range(3)]
    assert [file.read() for file in found.files()] == DATA  # a second time as well
    assert found.count == 3
    assert found.classes is None


def test_without_pictures_the_columns_are_named(tmp_path: Path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "p.parquet")

    with pytest.raises(ValueError, match="found columns a, b, expected one with encoded pictures"):
        parquet_source([tmp_path / "p.parquet"], [])


def test_numbers_get_the_names_of_the_schema_in_their_order(tmp_path: Path):
    path = write(tmp_path / "p.parquet", names=["zebra", "ape"], label=[1, 0, 1])

    assert classes_and_labels(path) == (("zebra", "ape"), ["ape", "zebra", "ape"])


def test_names_that_no_row_has_are_no_classes(tmp_path: Path):
    path = write(tmp_path / "p.parquet", names=["zebra", "yak", "ape"], label=[2, 0, 2])

    assert classes_and_labels(path) == (("zebra", "ape"), ["ape", "zebra", "ape"])


def test_numbers_without_names_are_called_by_their_number_in_their_order(tmp_path: Path):
    path = write(tmp_path / "p.parquet", label=[10, 9, 10])

    assert classes_and_labels(path) == (("9", "10"), ["10", "9", "10"])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_text_is_its_own_name(tmp_path: Path, kind: pa.DataType):
    path = write(tmp_path / "p.parquet", label=pa.array(["dog", "cat", "dog"], pa.string()).cast(kind))

    assert classes_and_labels(path) == (("cat", "dog"), ["dog", "cat", "dog"])


@pytest.mark.parametrize("column", ["labels", "fine_label"])
def test_other_columns_are_taken_where_they_are_the_only_one(tmp_path: Path, column: str):
    path = write(tmp_path / "p.parquet", names=["x", "y"], named=column, **{column: [0, 1, 1], "coarse_label": [5] * 3})

    assert classes_and_labels(path) == (("x", "y"), ["x", "y", "y"])


def test_two_columns_of_labels_are_refused(tmp_path: Path):
    path = write(tmp_path / "p.parquet", labels=[0, 1, 1], fine_label=[0, 1, 2])

    with pytest.raises(ValueError, match=r"found the label columns labels and fine_label, expected one.*--no-classes"):
        classes_and_labels(path)
    assert parquet_source([path], [path], Reading(classes=False)).classes is None


@pytest.mark.parametrize("values", [[[0], [1], [1]], [0.5, 1.0, 1.5]])
def test_lists_and_fractions_are_no_labels(tmp_path: Path, values: list):
    assert classes_and_labels(write(tmp_path / "p.parquet", label=values))[0] is None


def test_classes_are_those_of_all_parts(tmp_path: Path):
    train, test = write(tmp_path / "train.parquet", label=[3, 1, 1]), write(tmp_path / "test.parquet", label=[2, 2, 1])

    assert classes_and_labels(train, all_paths=(train, test))[0] == ("1", "2", "3")
    assert classes_and_labels(test, all_paths=(train, test)) == (("1", "2", "3"), ["2", "2", "1"])


@pytest.mark.parametrize("hidden", [[-1, -1, -1], [None, None, None]])
def test_a_part_whose_labels_are_all_hidden_has_none(tmp_path: Path, hidden: list):
    path = write(tmp_path / "p.parquet", label=pa.array(hidden, pa.int64()))

    assert classes_and_labels(path) == (None, [None] * 3)


@pytest.mark.parametrize("hidden", [-1, None])
def test_rows_without_a_label_are_left_out_or_a_class_of_their_own_and_told(tmp_path: Path, hidden: int | None):
    path = write(tmp_path / "p.parquet", label=[0, hidden, 1])
    dropped, kept = parquet_source([path], [path]), parquet_source([path], [path], Reading(unlabelled="keep"))

    assert [(file.read(), file.class_name) for file in dropped.files()] == [(b"a", "0"), (b"c", "1")]
    assert dropped.count == 2
    assert dropped.notes[-1] == "left out 1 rows without a label; --unlabelled keep makes them a class of their own"
    assert [file.class_name for file in kept.files()] == ["0", UNLABELLED, "1"]
    assert kept.classes == ("0", "1", UNLABELLED)


def test_a_file_without_the_column_that_others_have_is_refused(tmp_path: Path):
    paths = write(tmp_path / "a.parquet", label=[0, 1, 1]), write(tmp_path / "b.parquet")

    with pytest.raises(ValueError, match=r"b\.parquet: found no column label, which other files have"):
        classes_and_labels(*paths)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([True, False, True], ["true", "false", "true"]),
        ([1.0, 0.0, 1.0], ["1", "0", "1"]),
        ([b"x", b"y", b"x"], ["x", "y", "x"]),
        (pa.array([7, 5, 7], pa.uint64()), ["7", "5", "7"]),
    ],
)
@pytest.mark.parametrize("title", ["label", "Class_Name", "category", "targets", "fine-label"])
def test_labels_of_any_reasonable_name_and_type_are_read(tmp_path: Path, values: list, names: list[str], title: str):
    assert classes_and_labels(write(tmp_path / "p.parquet", **{title: values}))[1] == names


def test_a_number_and_a_name_of_the_same_classes_are_one_and_the_name_is_taken(tmp_path: Path):
    path = write(tmp_path / "p.parquet", class_id=[2, 1, 2], class_name=["wren", "owl", "wren"])

    assert classes_and_labels(path) == (("owl", "wren"), ["wren", "owl", "wren"])


def test_the_only_column_of_few_values_is_the_labels_whatever_it_is_called(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"img": DATA * 2, "breed": ["x", "y", "x"] * 2, "caption": list("abcdef")}), path)

    assert classes_and_labels(path)[0] == ("x", "y")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"label": [[0], [1], [1]]}, "the column label of list<element: int64> is not used for labels"),
        ({"label": [0.5, 1.0, 1.5]}, "in the column label of p.parquet, found the label 0.5, expected whole numbers"),
        ({"caption": ["a", "b", "c"]}, "found no column of labels; it has caption"),
        ({}, "no classes: found no column of labels in p.parquet; it has img"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path: Path, columns: dict, reason: str):
    path = write(tmp_path / "p.parquet", **columns)

    assert reason in " ".join(parquet_source([path], [path]).notes)


def test_the_stamp_changes_with_the_file(tmp_path: Path):
    path = write(tmp_path / "p.parquet")
    before = parquet_source([path], [path]).stamp
    write(path, label=[0, 1, 1])

    assert parquet_source([path], [path]).stamp != before


def test_a_file_that_holds_more_rows_than_it_says_is_refused(tmp_path: Path):
    """One byte of its footer is zero; that byte was found by the test below."""
    path = write(tmp_path / "x.parquet", label=[0, 1, 1])
    whole = path.read_bytes()
    damaged = [whole[:place] + b"\0" + whole[place + 1 :] for place in range(len(whole))]

    def refusal(content: bytes) -> str:
        path.write_bytes(content)
        try:
            found = parquet_source([path], [path])
            list(found.files())
        except ValueError as error:
            return str(error)
        return ""

    assert f"{path}: found 3 rows or more, expected the 0 that it says it has" in map(refusal, damaged)


@given(st.binary(max_size=200), st.integers(0, 300))
@example(b"\0", 222)
def test_any_bytes_are_a_parquet_file_or_refused(tmp_path_factory, noise: bytes, place: int):
    """Noise written over a real file."""
    path = write(tmp_path_factory.getbasetemp() / "x.parquet", label=[0, 1, 1])
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + noise + whole[place + len(noise) :])
    with suppress(ValueError):
        found: Encoded = parquet_source([path], [path])
        assert len([file.read() for file in found.files()]) == found.count
