"""Reads a data set of `zoetrope sample` with one library, and saves what it got: images, index, label where it has one.

python read.py READER FOLDER FILE.npz
"""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def with_datasets(folder: Path) -> list[dict[str, Any]]:
    """`load_dataset` finds the format by itself."""
    import datasets

    found = datasets.load_dataset(str(folder), split="train")
    rows = []
    for row in found:
        fields = row.get("json") or row
        label = row.get("cls", row.get("label"))
        rows.append(
            {
                "image": row.get("image") or row.get("png") or row.get("pixels"),
                "index": fields["index"],
                "label": int(label),  # a class of digits is named by its number
            }
        )
    return rows


def with_webdataset(folder: Path) -> list[dict[str, Any]]:
    """A PyTorch DataLoader over all shards, with a worker process."""
    import torch
    import webdataset

    shards = [str(path) for path in sorted((folder / "data").iterdir())]
    pictures = webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8").to_tuple("png", "cls", "json")
    loader = torch.utils.data.DataLoader(pictures, batch_size=None, num_workers=1)
    return [
        {"image": np.asarray(image)[..., 0], "index": fields["index"], "label": int(label)}
        for image, label, fields in loader
    ]


def with_mlcroissant(folder: Path) -> list[dict[str, Any]]:
    """The records of croissant.json."""
    import mlcroissant

    data = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert data.metadata.conforms_to is not None
    rows = []
    for record in data.records(record_set="pictures"):
        row = {name.removeprefix("pictures/"): value for name, value in record.items()}
        rows.append(
            {"image": row.get("image", row.get("pixels")), **{k: row[k] for k in ("index", "label") if k in row}}
        )
    return rows


def with_pandas(folder: Path) -> list[dict[str, Any]]:
    """All files of the folder as one table."""
    import pandas

    table = pandas.read_parquet(folder / "data")
    column = "pixels" if "pixels" in table else "image"
    return [{"image": row[column], "index": row["index"], "label": row["label"]} for row in table.to_dict("records")]


def pixels_of(value: Any) -> np.ndarray:
    """A picture in whatever form a library gives it, as (28, 28) uint8."""
    if isinstance(value, dict):
        value = value["bytes"]
    if isinstance(value, bytes) and not value.startswith(b"\x89PNG"):
        return np.frombuffer(value, np.uint8).reshape(28, 28)
    if isinstance(value, bytes):
        value = Image.open(io.BytesIO(value))
    return np.asarray(value.convert("L") if isinstance(value, Image.Image) else value)


if __name__ == "__main__":
    reader, folder, file = sys.argv[1:]
    rows = globals()[f"with_{reader}"](Path(folder))
    rows.sort(key=lambda row: int(row["index"]))
    columns = {"index": np.array([int(row["index"]) for row in rows], np.int64)}
    if "label" in rows[0]:
        columns["label"] = np.array([row["label"] for row in rows], np.int64)
    np.savez(file, images=np.stack([pixels_of(row["image"]) for row in rows]), **columns)
