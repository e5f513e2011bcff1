"""The data card: README.md of a data set, for people, and a header in YAML that the Hugging Face Hub reads.

    manifest, card -> [data_card] -> README.md; croissant says the same to programs

It says what drew the pictures, that they are synthetic, how good they are, what
they are worth to a classifier, and how one of them is drawn again. What was never
measured is said to be so. Values in the header are JSON, which is YAML too.
"""

import json
from typing import Any

from models.card import Card
from service.bulk.job import Job
from service.bulk.manifest import Manifest
from service.bulk.shards import layout_of
from service.bulk.space import in_words
from service.bulk.writers import features_of
from service.encoders.marks import DIGITAL_SOURCE_TYPE

_KNOWN_LICENCES = {
    one.lower(): one
    for one in (
        "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0",
        "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "GPL-3.0", "MIT", "ODbL-1.0", "PDDL-1.0",
    )
}  # fmt: skip
"""In lower case as the Hub has them -> as SPDX has them."""
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
    known = _licence_id(card)
    licence: dict[str, Any] = {"license": known or ("other" if card.training.licence else "unknown")}
    if licence["license"] == "other":
        licence["license_name"] = card.training.licence
    files = f"data/train-*{'/*' if job.kind == 'png' else ''}"
    header = {
        **licence,
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
    scores, said = card.scores, []
    if scores.fd_ratio is None:
        said.append("The pictures of this model were not scored (`zoetrope evaluate`).")
    else:
        said.append(
            f"FD ratio {scores.fd_ratio:.3g} (evaluator {scores.evaluator}, {scores.images or 0:,} pictures): "
            "1 means that the evaluator cannot tell them from real ones."
        )
    if scores.precision is not None and scores.recall is not None:
        said.append(
            f"Precision {scores.precision:.3f}, recall {scores.recall:.3f} (real pictures: "
            f"{scores.precision_floor or 0:.3f}, {scores.recall_floor or 0:.3f})."
        )
    if scores.class_agreement is not None:
        said.append(f"The evaluator takes {scores.class_agreement:.1%} of them for the class that they were drawn as.")
    if manifest.job.filter is not None:
        said.append(f"Those of this data set that it takes for another class were left out: {manifest.dropped:,}.")
    worth, leaks = scores.usefulness, scores.leaks
    said.append(
        f"Worth to a classifier: learned from as many drawn pictures as real ones, it reads {worth.drawn.value:.1%} of "
        f"real test pictures, and {worth.real.value:.1%} when it learned from real ones. {worth.sentence}"
        if worth
        else "What they are worth to a classifier was not measured."
    )
    said.append(leaks.sentence if leaks else "Whether they give training pictures away was not measured.")
    return said


def limits_of(card: Card) -> list[str]:
    """What such pictures are not good for, in sentences."""
    limits = [
        f"The model draws what it learned from {card.training.data}, with the gaps and the biases of those pictures, "
        "and adds errors of its own. A classifier that learned from drawn pictures alone must be tested on real ones.",
        "Labels are the classes that pictures were drawn as; no person has checked them.",
    ]
    return limits if card.classes else limits[:1]


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
    known = _licence_id(card)
    return f"https://spdx.org/licenses/{_KNOWN_LICENCES[known]}.html" if known else licence_in_words(card)


def _licence_id(card: Card) -> str | None:
    known = (card.training.licence or "").lower()
    return known if known in _KNOWN_LICENCES else None


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
