"""The data card: README.md of a data set, for people, and a header in YAML that the Hugging Face Hub reads.

    manifest, card -> [data_card] -> README.md; croissant says the same to programs

It says what drew the pictures, that they are synthetic, how good they are, what
they are worth to a classifier, and how one of them is drawn again. What was never
measured is said to be so. Values in the header are JSON, which is YAML too.
"""

import json
from typing import Any

from models.card import Card
from models.model_card import KNOWN_LICENCES, licence_header, licence_id, limit_of
from models.model_card import quality_of as model_quality_of
from service.bulk.job import Job
from service.bulk.manifest import Manifest
from service.bulk.shards import layout_of
from service.bulk.space import in_words
from service.bulk.writers import features_of
from service.encoders.marks import DIGITAL_SOURCE_TYPE

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
          (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))  # fmt: skip


def data_card(manifest: Manifest, card: Card) -> str:
    """README.md of a data set."""
    fields = header_of(manifest, card).items()
    header = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields)
    job = manifest.job
    parts = [
        f"---\n{header}\n---",
        f"# {title_of(manifest)}",
        f"**These pictures are synthetic.** {origin_of(manifest, card)} No person drew or photographed any of them.",
        "\n".join(_table(_facts(manifest, card))),
        "## Read it",
        f"```python\n{_reading(job, card)}\n```",
        "## Draw a picture again",
        _again(job),
        "## Quality",
        "\n\n".join(quality_of(manifest, card)),
        "## Limits",
        "\n\n".join(limits_of(card)),
        "## Licence",
        licence_in_words(card),
    ]
    return "\n\n".join(parts) + "\n"


def header_of(manifest: Manifest, card: Card) -> dict[str, Any]:
    """The fields of the header that the Hub reads."""
    job = manifest.job
    files = f"data/train-*{'/*' if job.kind == 'png' else ''}"
    header: dict[str, Any] = {
        **licence_header(card.training.licence),
        "pretty_name": title_of(manifest),
        "task_categories": ["image-classification" if card.classes else "unconditional-image-generation"],
        "annotations_creators": ["machine-generated"],
        "size_categories": [next((name for most, name in _SIZES if manifest.images < most), "n>1B")],
        "tags": ["synthetic", "image"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": files}]}],
    }
    if job.kind == "parquet":
        header["dataset_info"] = {
            "features": _features(job, card),
            "splits": [{"name": "train", "num_bytes": manifest.bytes, "num_examples": manifest.images}],
            "download_size": manifest.bytes,
            "dataset_size": manifest.bytes,
        }
    return header


def title_of(manifest: Manifest) -> str:
    """The name of a data set, for people."""
    return f"{manifest.images:,} pictures drawn by {manifest.job.model}"


def origin_of(manifest: Manifest, card: Card) -> str:
    """Where the pictures come from, in a sentence."""
    job, training = manifest.job, card.training
    return (
        f"All were drawn by {job.model}, version {job.version}, a model ({card.method}) that was trained on "
        f"{training.data_images:,} pictures ({training.data}): {DIGITAL_SOURCE_TYPE}."
    )


def shards_in_words(job: Job) -> str:
    """How many shards there are: `1 shard`."""
    return f"{job.shards:,} shard{'' if job.shards == 1 else 's'}"


def quality_of(manifest: Manifest, card: Card) -> list[str]:
    """What was measured of the model's pictures, in sentences."""
    said = model_quality_of(card)
    if manifest.job.filter is not None:
        said.append(f"Those that the evaluator takes for another class were left out: {manifest.dropped:,}.")
    return said


def limits_of(card: Card) -> list[str]:
    """What such pictures are not good for, in sentences."""
    labels = ["Labels are the classes that pictures were drawn as; no person has checked them."] if card.classes else []
    return [limit_of(card), *labels]


def licence_in_words(card: Card) -> str:
    """What is known of the licence, in a sentence."""
    if card.training.licence is None:
        return (
            "The model's card does not say under which licence its training pictures are. Find out before you publish "
            "these."
        )
    return (
        f"The model was trained on pictures under {card.training.licence}; see what that asks of works made with them."
    )


def licence_of(card: Card) -> str:
    """The licence as Croissant wants it: the URL of a known one, else in words."""
    known = licence_id(card.training.licence)
    return f"https://spdx.org/licenses/{KNOWN_LICENCES[known]}.html" if known else licence_in_words(card)


def _features(job: Job, card: Card) -> list[dict[str, Any]]:
    """The columns as the Hub's header describes them."""
    listed = []
    for name, feature in features_of(layout_of(job, card)).items():
        if feature["_type"] == "ClassLabel":
            dtype: Any = {"class_label": {"names": {str(at): one for at, one in enumerate(feature["names"])}}}
        else:
            dtype = feature.get("dtype", "image")
        listed.append({"name": name, "dtype": dtype})
    return listed


def _facts(manifest: Manifest, card: Card) -> list[tuple[str, str]]:
    job = manifest.job
    classes = {True: "in turns: index i has class i mod K", False: "as often as in training"}[job.balance]
    if job.label is not None and card.classes:
        classes = f"all are {card.classes[job.label].name}"
    shape, kind = card.image, f"{job.kind}, raw pixels" if job.raw else job.kind
    truncation = "" if job.truncation == 1 else f", truncation {job.truncation:g}"
    facts = [
        ("pictures", f"{manifest.images:,} of {shape.height} x {shape.width} x {shape.channels}"),
        ("addresses", f"seed {job.seed}, indices {job.start} to {job.start + job.n - 1}{truncation}"),
        ("drawn by", f"{job.engine} ({job.instruction_set})"),
        ("files", f"{shards_in_words(manifest.job)} ({kind}), {in_words(manifest.bytes)}"),
        ("marks", "every file says that it is synthetic" if job.marks else "left out of the files (`--no-marks`)"),
        ("digest", f"`{manifest.digest}` (`manifest.json` has those of the shards)"),
    ]
    return facts if not card.classes else [*facts[:2], ("classes", classes), *facts[2:]]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _again(job: Job) -> str:
    label = " --label LABEL" if job.label is not None or job.balance else ""
    truncation = f" --truncation {job.truncation:g}" if job.truncation != 1 else ""
    command = f"zoetrope sample {job.model} --seed {job.seed} --start INDEX --n 1{label}{truncation} --out picture.png"
    return (
        f"`{command}` draws the picture of an index again, with the same bytes where the engine is the same. A service "
        f"of this model has it at `/models/{job.model}/{job.version}/images/{job.seed}/INDEX.png`"
        + (", with `?label=LABEL`." if label else ".")
    )


def _reading(job: Job, card: Card) -> str:
    if job.kind == "parquet" and job.raw:
        shape = ", ".join(map(str, (-1, card.image.height, card.image.width, card.image.channels)))
        return (
            'import numpy as np, pandas as pd\n\ntable = pd.read_parquet("data")\n'
            f'images = np.frombuffer(b"".join(table.pixels), np.uint8).reshape({shape})'
        )
    if job.kind == "webdataset":
        files = f"data/train-{{00000..{job.shards - 1:05}}}-of-{job.shards:05}.tar"
        kind = "" if job.raw else '"rgb8"'
        return f'import webdataset\n\npictures = webdataset.WebDataset("{files}", shardshuffle=False).decode({kind})'
    return 'import datasets\n\npictures = datasets.load_dataset(".", split="train")'
