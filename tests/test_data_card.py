"""A data set tells people, the Hub and programs what drew it, that it is synthetic, and how good it is."""

import json
from pathlib import Path

import pytest
import yaml

from models.bundle import read_card
from models.card import Card
from service.bulk.croissant import croissant
from service.bulk.data_card import data_card
from service.bulk.job import Job
from service.bulk.manifest import Manifest, ShardRecord, manifest_of

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def card() -> Card:
    return read_card(ROOT / "models" / "mnist")


def described(card: Card, **changed: object) -> Manifest:
    """The manifest of a data set of 2,500 pictures, none of which were drawn."""
    facts = {
        "model": card.name,
        "version": card.version,
        "engine": "onnxruntime-1.32.0-cpu-float32",
        "instruction_set": "x86_64 avx2",
        "seed": 7,
        "n": 2_500,
        "shard_images": 1_000,
        "written_by": "shard 1",
    }
    job = Job(**{**facts, **changed})
    records = [
        ShardRecord(file=job.file_of(at), start=start, n=n, images=n - 10, bytes=1_000, sha256=f"{at:064x}")
        for at, (start, n) in enumerate(map(job.range_of, range(job.shards)))
    ]
    return manifest_of(job, records)


def header(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_header_names_files_columns_and_classes_as_the_hub_reads_them(card: Card):
    found = header(data_card(described(card), card))

    assert found["configs"] == [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]}]
    assert found["size_categories"] == ["1K<n<10K"]
    assert found["task_categories"] == ["image-classification"]
    assert "synthetic" in found["tags"]
    *columns, label = found["dataset_info"]["features"]
    assert columns == [
        {"name": "image", "dtype": "image"},
        {"name": "seed", "dtype": "uint64"},
        {"name": "index", "dtype": "uint64"},
    ]
    assert label["dtype"]["class_label"]["names"] == {str(digit): str(digit) for digit in range(10)}
    assert found["dataset_info"]["splits"] == [{"name": "train", "num_bytes": 3_000, "num_examples": 2_470}]


def test_raw_pixels_have_a_column_of_their_own_and_code_that_reads_them(card: Card):
    text = data_card(described(card, raw=True), card)

    assert header(text)["dataset_info"]["features"][0] == {"name": "pixels", "dtype": "fixed_size_binary[784]"}
    assert "reshape(-1, 28, 28, 1)" in text


@pytest.mark.parametrize(
    ("licence", "name", "url"),
    [
        ("CC-BY-4.0", "cc-by-4.0", "https://spdx.org/licenses/CC-BY-4.0.html"),
        ("mit", "mit", "https://spdx.org/licenses/MIT.html"),
        ("for this course alone", "other", "pictures under for this course alone"),
        (None, "unknown", "does not say under which licence"),
    ],
)
def test_the_licence_is_that_of_the_training_pictures(card: Card, licence: str | None, name: str, url: str):
    card = card.model_copy(update={"training": card.training.model_copy(update={"licence": licence})})
    text, document = data_card(described(card), card), json.loads(croissant(described(card), card, "2026-11-26"))

    assert header(text)["license"] == name
    assert header(text).get("license_name") == (licence if name == "other" else None)
    assert url in document["license"]
    assert licence is None or licence in text


def test_it_says_that_they_are_synthetic_how_good_they_are_and_what_they_are_worth(card: Card):
    text = data_card(described(card, filter="mnist 66a5", balance=True), card)

    assert "**These pictures are synthetic.**" in text
    assert "trainedAlgorithmicMedia" in text
    assert "FD ratio 1.77" in text
    assert "98.8% of them for the class" in text
    assert "left out: 30." in text
    assert card.scores.usefulness.sentence in text
    assert card.scores.leaks.sentence in text
    assert "| classes | in turns: index i has class i mod K |" in text
    assert "zoetrope sample mnist --seed 7 --start INDEX --n 1 --label LABEL" in text


def test_what_was_not_measured_is_said_to_be_so(card: Card):
    card = card.model_copy(update={"scores": type(card.scores)(), "classes": None})
    text = data_card(described(card), card)

    assert "were not scored" in text
    assert "was not measured" in text
    assert header(text)["task_categories"] == ["unconditional-image-generation"]
    assert "label" not in [one["name"] for one in header(text)["dataset_info"]["features"]]


def test_croissant_has_the_fields_for_responsible_use(card: Card):
    document = json.loads(croissant(described(card), card, "2026-11-26"))

    assert document["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert document["rai:dataCollectionType"] == ["Synthetic"]
    fields = ("dataCollection", "dataUseCases", "dataLimitations", "dataBiases", "personalSensitiveInformation")
    assert all(document[f"rai:{name}"] for name in fields)
    names = [one["name"] for one in document["recordSet"][0]["field"]]
    assert names == ["image", "seed", "index", "label"]


def test_a_tar_is_named_with_its_digest(card: Card):
    document = json.loads(croissant(described(card, kind="webdataset"), card, "2026-11-26"))

    *tars, inside = document["distribution"]
    assert [one["sha256"] for one in tars] == [f"{at:064x}" for at in range(3)]
    assert inside["containedIn"] == [{"@id": one["@id"]} for one in tars]


def test_jobs_and_digests_decide_the_digest_and_nothing_else(card: Card):
    one, other = described(card), described(card, seed=8)

    assert one.digest == described(card).digest != other.digest
    assert one.dropped == 30
