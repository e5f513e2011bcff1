"""The shipped models with older versions of one, for `python -m load.bench starts --models-with-older FOLDER`.

    python -m tests.support.older_versions FOLDER --count 12

Each version is the shipped generator with another comment in its graph: as large, as slow to load, other bytes.
"""

import argparse
import shutil
from pathlib import Path

import onnx

from models.bundle import GENERATOR, open_bundle
from models.bundle_writer import write_bundle

SHIPPED, NAME = Path(__file__).parents[2] / "models", "mnist"


def write_older_versions(folder: Path, count: int) -> None:
    """Copy the shipped models to a folder, and write versions of `mnist` that its shipped one follows."""
    shipped = open_bundle(SHIPPED / NAME)
    facts = {
        field: value for field, value in shipped.card.model_dump().items() if field not in ("name", "version", "files")
    }
    contents = {name: (shipped.path / name).read_bytes() for name in shipped.card.files}
    graph = onnx.load_from_string(contents[GENERATOR])
    for number in range(count):
        graph.doc_string = f"version {number}"
        write_bundle(folder / NAME, facts, {**contents, GENERATOR: graph.SerializeToString()})
    write_bundle(folder / NAME, facts, contents)
    for path in SHIPPED.iterdir():
        if path.name != NAME and (path / GENERATOR).exists():
            shutil.copytree(path, folder / path.name)


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=12)
    given = parser.parse_args()
    write_older_versions(given.folder, given.count)


if __name__ == "__main__":
    main()
