"""Writers: pictures of a shard to a file that people's tools open: Parquet, WebDataset, or a folder of PNGs.

    shards -> [writers] -> a path that the store puts in place

Parquet has Hugging Face's layout: a column `image` of PNG files, or `pixels`, the
bytes of uint8 (H, W, C), then seed, index and, where the model has classes, label.
A tar has the files INDEX.png (or .npy), INDEX.cls and INDEX.json of each picture
[WebDataset]. A folder has PNGs and a `metadata.csv`. The same pictures give the
same bytes: times, owners and permissions are constant. Knows neither models nor
where the file goes.

Letters: N pictures    H, W, C of a picture

Paper:
    [WebDataset]  Aizman et al.: High Performance I/O For Large Scale Deep Learning.  IEEE Big Data 2019.
"""

import csv
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from service.bulk.job import Kind
from service.encoders.marks import DIGITAL_SOURCE_TYPE
from service.encoders.raster import encode_pngs

ROW_GROUP_BYTES = 8 << 20
"""Of pixels: what a reader holds for one picture of it, and a writer in memory."""
_PERMISSIONS = 0o644


@dataclass(frozen=True)
class Layout:
    """What all shards of a data set share.

    Args:
        shape: height, width and channels of a picture.
        class_names: in label order; empty where the model has no classes.
        statement: what draws them, as JSON members that say that pictures are synthetic; None leaves it out.
    """

    kind: Kind
    raw: bool
    shape: tuple[int, int, int]
    seed: int
    class_names: tuple[str, ...]
    statement: dict[str, Any] | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return ("pixels" if self.raw else "image", "seed", "index", *(("label",) if self.class_names else ()))


@dataclass(frozen=True)
class Pictures:
    """Pictures that were drawn, each with its index, its class and its mark."""

    indices: NDArray[np.uint64]
    """(N,)."""
    labels: NDArray[np.int64] | None
    """(N,); None where the model has no classes."""
    images: NDArray[np.uint8]
    """(N, H, W, C)."""
    marks: Sequence[bytes] | None
    """XMP packets; None leaves PNGs without."""

    def only(self, kept_N: NDArray[np.bool_]) -> Self:
        """Those of them that are kept: (N,) of truth values."""
        if kept_N.all():
            return self
        marks = None if self.marks is None else [mark for mark, kept in zip(self.marks, kept_N, strict=True) if kept]
        labels_N = None if self.labels is None else self.labels[kept_N]
        return type(self)(self.indices[kept_N], labels_N, self.images[kept_N], marks)

    def pngs(self) -> list[bytes]:
        """A PNG file for each of them: the bytes of its permanent URL."""
        return encode_pngs(self.images, self.marks) if len(self.images) else []


class Writer(Protocol):
    """A shard that is being written: `add` for each batch, then `close`; one thread at a time."""

    def add(self, pictures: Pictures) -> None:
        """Write some pictures."""

    def close(self) -> None:
        """Write what comes after the last picture."""

    def abandon(self) -> None:
        """Close what is open, without an error: the file is not whole, and is removed."""


def writer_of(layout: Layout, path: Path) -> Writer:
    """A writer of the layout's kind, to a path that does not exist yet."""
    kinds: dict[Kind, Callable[[Layout, Path], Writer]] = {
        "parquet": ParquetShard,
        "webdataset": TarShard,
        "png": FolderShard,
    }
    return kinds[layout.kind](layout, path)


class ParquetShard:
    """A Parquet file, compressed by zstd, with row groups of a few megabytes."""

    def __init__(self, layout: Layout, path: Path) -> None:
        import pyarrow.parquet as pq  # here: it takes 50 MB of memory, and most commands never need it

        self._layout, self._schema = layout, schema_of(layout)
        others = [name for name in layout.columns if name not in ("image", "pixels", "index")]
        self._file = path.open("wb")
        self._writer: Any = pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=others,
            write_statistics=["index", *others],
        )
        self._waiting: list[Pictures] = []
        self._bytes = 0

    def add(self, pictures: Pictures) -> None:
        """Keep some pictures until they fill a row group."""
        self._waiting.append(pictures)
        self._bytes += pictures.images.nbytes
        if self._bytes >= ROW_GROUP_BYTES:
            self._write()

    def close(self) -> None:
        """The last row group, and the footer."""
        self._write()
        self._writer.close()
        self._file.close()

    def abandon(self) -> None:
        """Close the file before the writer is closed, which would write the footer."""
        self._writer.is_open = False
        with suppress(OSError):
            self._file.close()

    def _write(self) -> None:
        import pyarrow as pa

        waiting, self._waiting, self._bytes = self._waiting, [], 0
        indices_N = np.concatenate([np.empty(0, np.uint64), *(one.indices for one in waiting)])
        if not len(indices_N):
            return
        seeds_N = np.full(len(indices_N), self._layout.seed, np.uint64)
        columns = [self._pictures(waiting), pa.array(seeds_N), pa.array(indices_N)]
        labels = [one.labels for one in waiting if one.labels is not None]
        columns += [pa.array(np.concatenate(labels))] if labels else []
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))

    def _pictures(self, waiting: Sequence[Pictures]) -> Any:
        import pyarrow as pa

        kind = self._schema.field(0).type
        if self._layout.raw:
            images_NHWC = np.ascontiguousarray(np.concatenate([one.images for one in waiting]))
            return pa.FixedSizeBinaryArray.from_buffers(kind, len(images_NHWC), [None, pa.py_buffer(images_NHWC)])
        files = [png for one in waiting for png in one.pngs()]
        names = [f"{index:09}.png" for one in waiting for index in one.indices.tolist()]
        return pa.StructArray.from_arrays(
            [pa.array(files, pa.binary()), pa.array(names, pa.string())], fields=[kind.field(0), kind.field(1)]
        )


def schema_of(layout: Layout) -> Any:
    """The Arrow schema of a Parquet shard, whose metadata tells `datasets` which column is a picture and what the
    classes are called."""
    import pyarrow as pa

    height, width, channels = layout.shape
    image = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    types = {
        "image": image,
        "pixels": pa.binary(height * width * channels),
        "seed": pa.uint64(),
        "index": pa.uint64(),
        "label": pa.int64(),
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features_of(layout)}})}
    if layout.raw:
        metadata["shape"] = json.dumps(layout.shape)
    if layout.statement is not None:
        metadata["digital_source_type"] = DIGITAL_SOURCE_TYPE
        metadata["recipe"] = json.dumps(layout.statement)
    return pa.schema([pa.field(name, types[name]) for name in layout.columns], metadata=metadata)


def features_of(layout: Layout) -> dict[str, Any]:
    """The columns as the library `datasets` describes them."""
    height, width, channels = layout.shape
    pixels = {"dtype": f"fixed_size_binary[{height * width * channels}]", "_type": "Value"}
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "pixels": pixels,
        "seed": {"dtype": "uint64", "_type": "Value"},
        "index": {"dtype": "uint64", "_type": "Value"},
        "label": {"names": list(layout.class_names), "_type": "ClassLabel"},
    }
    return {name: features[name] for name in layout.columns}


class TarShard:
    """A WebDataset: a tar whose files of one picture follow one another and share the part before the first dot."""

    def __init__(self, layout: Layout, path: Path) -> None:
        self._layout, self._file = layout, path.open("wb")

    def add(self, pictures: Pictures) -> None:
        """The files of some pictures."""
        files = [_npy(image) for image in pictures.images] if self._layout.raw else pictures.pngs()
        suffix, names = "npy" if self._layout.raw else "png", self._layout.class_names
        for at, (index, data) in enumerate(zip(pictures.indices.tolist(), files, strict=True)):
            fields: dict[str, Any] = {"seed": self._layout.seed, "index": index}
            self._write(f"{index:09}.{suffix}", data)
            if pictures.labels is not None:
                label = int(pictures.labels[at])
                self._write(f"{index:09}.cls", b"%d" % label)
                fields["label"] = names[label]
            self._write(f"{index:09}.json", json.dumps(fields).encode())

    def close(self) -> None:
        """Two empty blocks."""
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.close()

    def abandon(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._file.close()

    def _write(self, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(data), _PERMISSIONS
        padding = -len(data) % tarfile.BLOCKSIZE
        self._file.write(b"".join((entry.tobuf(tarfile.USTAR_FORMAT), data, bytes(padding))))


class FolderShard:
    """A folder of PNG files, with what is known of each in `metadata.csv`, as the library `datasets` reads it."""

    def __init__(self, layout: Layout, path: Path) -> None:
        path.mkdir()
        self._layout, self._path, self._table = layout, path, io.StringIO()
        self._lines = csv.writer(self._table, lineterminator="\n")
        self._lines.writerow(("file_name", *layout.columns[1:]))

    def add(self, pictures: Pictures) -> None:
        """A file for each picture."""
        names = self._layout.class_names
        for at, (index, png) in enumerate(zip(pictures.indices.tolist(), pictures.pngs(), strict=True)):
            name = f"{index:09}.png"
            (self._path / name).write_bytes(png)
            label = () if pictures.labels is None else (names[int(pictures.labels[at])],)
            self._lines.writerow((name, self._layout.seed, index, *label))

    def close(self) -> None:
        """The table."""
        (self._path / "metadata.csv").write_text(self._table.getvalue(), "utf-8")

    def abandon(self) -> None:
        """Nothing is open."""


def _npy(image_HWC: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, image_HWC, (1, 0))
    return file.getvalue()
