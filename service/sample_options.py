"""The options of `zoetrope sample`: parsed, and what they make: a file, a folder of files, or a data set.

    argv -> [sample_options] -> sample (files), bulk (data sets)

A name with a suffix of a picture, of numpy, zip or JSON is a file. Any other is a
folder: a data set, unless `--format` names the format of up to 10,000 files. What
begins with a scheme, as in `s3://BUCKET/PREFIX`, is a data set outside of this
machine. Knows no model.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from models.command_line import OneLineParser
from service.bulk.command import add_options
from service.bulk.job import Kind
from service.bulk.remote_store import LOOKS_REMOTE, RemoteFolder
from service.formats import Format
from service.schemas import LARGEST_N

FORMAT_OF_SUFFIX = {
    ".png": Format.PNG,
    ".jpg": Format.JPEG,
    ".jpeg": Format.JPEG,
    ".webp": Format.WEBP,
    ".npy": Format.NPY,
    ".zip": Format.ZIP,
    ".json": Format.JSON,
}
DATA_SETS = ("parquet", "webdataset")
SUFFIX_OF_FORMAT = {Format.PNG: ".png", Format.JPEG: ".jpg", Format.WEBP: ".webp"}
"""Formats of one picture: those that a folder can be filled with."""


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line, each by itself.

    Raises:
        ValueError: one of them is wrong; says which.
    """
    parser = OneLineParser(
        prog="zoetrope sample",
        description="Draw pictures into a file, a folder or a data set of any size, without a server. The same address "
        "gives the same bytes as POST /generate.",
    )
    suffixes = ", ".join(FORMAT_OF_SUFFIX)
    parser.add_argument("model", metavar="MODEL", help="folder of a bundle, or a name in ZOETROPE_MODELS (./models)")
    parser.add_argument("--n", type=int, default=64, help="how many pictures (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="0 to 2^64 - 1 (default: a fresh one, which is printed)")
    parser.add_argument("--start", type=int, default=0, help="index of the first picture (default: %(default)s)")
    parser.add_argument("--label", help="class to draw, by name or number (default: as often as in training)")
    parser.add_argument("--classes", help="weights of several classes by number in place of --label: 3:500,8:500")
    parser.add_argument("--truncation", type=float, default=1.0, help="0 to 2 (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=_place,
        required=True,
        help=f"file that ends in {suffixes}, a folder, or s3://BUCKET/PREFIX (needs the extra s3)",
    )
    parser.add_argument(
        "--format",
        choices=[*(one.value for one in Format), *DATA_SETS],
        help="of a folder: parquet (the default), webdataset, or files: png, jpeg or webp",
    )
    parser.add_argument("--balance", action="store_true", help="the class of index i is i mod the number of classes")
    parser.add_argument("--no-marks", action="store_true", help="files do not say that their pictures are synthetic")
    add_options(parser)
    return parser.parse_args(argv)


def _place(text: str) -> Path | RemoteFolder:
    """A path of this machine, or what a scheme begins."""
    if not LOOKS_REMOTE.match(text):
        return Path(text)
    try:
        return RemoteFolder.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def data_set_kind(options: argparse.Namespace) -> Kind | None:
    """The kind of data set that these options make; None where they make files.

    Raises:
        ValueError: they make neither.
    """
    out, given = options.out, options.format
    if isinstance(out, RemoteFolder):
        if given not in (None, *DATA_SETS) or Path(out.path).suffix.lower() in FORMAT_OF_SUFFIX:
            as_what = "" if given is None else f" with --format {given}"
            raise ValueError(f"found --out {out}{as_what}, expected a data set there: --format parquet or webdataset")
        return "webdataset" if given == "webdataset" else "parquet"
    is_file = out.suffix.lower() in FORMAT_OF_SUFFIX and not out.is_dir()
    if given in DATA_SETS:
        if is_file:
            raise ValueError(f"found --out {out} with --format {given}, expected a folder")
        return "parquet" if given == "parquet" else "webdataset"
    if given is None and not is_file and (out.is_dir() or not out.suffix):
        return "parquet"
    is_large = options.n > LARGEST_N or options.filter or options.shard_images is not None
    return "png" if given == Format.PNG and not is_file and is_large else None


def check_data_set_options(options: argparse.Namespace) -> None:
    """Refuse options that need a data set where there is none, and pixels where there are only PNG files.

    Raises:
        ValueError: says what to write instead.
    """
    try:
        kind = data_set_kind(options)
    except ValueError:
        return  # said already
    for name in ("raw", "filter", "ray", "shard_images"):
        if getattr(options, name) and (kind is None or (name == "raw" and kind == "png")):
            raise ValueError(
                f"found --{name.replace('_', '-')} with --out {options.out}, expected it with a data set: a folder "
                "with --format parquet or webdataset"
            )


def makes_files(options: argparse.Namespace) -> bool:
    """Whether they make a file, or a folder of files."""
    try:
        return data_set_kind(options) is None
    except ValueError:
        return False


def file_target(out: Path, format_name: str | None) -> tuple[Format, bool]:
    """The format to write, and whether into a folder.

    Raises:
        ValueError: the suffix and the format do not say what to write; names what is allowed.
    """
    chosen = FORMAT_OF_SUFFIX.get(out.suffix.lower())
    given = None if format_name is None or format_name in DATA_SETS else Format(format_name)
    if chosen is not None and not out.is_dir():
        if not out.parent.is_dir():
            raise ValueError(f"found --out {out}, but no folder {out.parent}; make it first")
        if given not in (None, chosen):
            raise ValueError(f"found --out {out} with --format {given}, expected one format")
        return chosen, False
    if given is None:
        suffixes = ", ".join(FORMAT_OF_SUFFIX)
        raise ValueError(f"found --out {out}, expected a file that ends in {suffixes}, or a folder with --format png")
    if given not in SUFFIX_OF_FORMAT:
        allowed = ", ".join([*SUFFIX_OF_FORMAT, *DATA_SETS])
        raise ValueError(f"found --format {given} for the folder {out}, expected one of {allowed}")
    return given, True
