"""1,000 swaps of a model under load, in parts of 250 that can be gone on with: no request fails, no byte is wrong.

    PYTHONPATH=.:tests nice python -m support.model_swaps OUT
    PYTHONPATH=.:tests python -m support.model_swaps OUT --print

A folder with another version takes the place of the model's by two renames, as where a person copies one in, while
clients draw without a pause. A swap is done when a client has drawn the new version. Adds one line of JSON a part to
OUT/table.jsonl; parts that are there are skipped. tests/test_reloader.py does ten.
"""

import asyncio
import io
import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from load.bench.client import ClientError, Connection, Response, post
from models.bundle import open_bundle
from models.runtime import Runtime
from support.resumable_table import Line, fill, table_parser
from support.serving import Server, started
from support.untrained import write_untrained

SWAPS, PARTS, VERSIONS = 250, 4, 5
CLIENTS, IMAGES, PAUSE_S = 3, 40, 0.005
SWAP_TIMEOUT_S = 60.0
REQUEST = post("/generate", {"model": "grey", "n": IMAGES, "seed": 3, "format": "npy"})
SETTINGS = {"ZOETROPE_DEFAULT_MODEL": "grey", "ZOETROPE_RENEW_SECONDS": "0.1"}


@dataclass
class Responses:
    """What the clients got."""

    compared: int = 0
    wrong: int = 0
    failed: list[str] = field(default_factory=list)
    version: str = ""
    """Of the last one."""


@dataclass(frozen=True)
class Part:
    """A part of the swaps, with a service of its own."""

    number: int

    @property
    def name(self) -> str:
        """Of its line."""
        return f"swaps {self.number * SWAPS + 1} to {(self.number + 1) * SWAPS}"


def write_versions(folder: Path) -> dict[str, Path]:
    """Versions of a small model, each in a folder by its version."""
    found = {}
    for seed in range(VERSIONS):
        bundle = write_untrained(folder / str(seed) / "grey", 8, 8, 1, code_size=5, seed=seed)
        found[bundle.card.version] = bundle.path
    return found


def put(version: Path, models: Path) -> None:
    """A version in the place of the one that is served."""
    shutil.copytree(version, models / ".next")
    with suppress(FileNotFoundError):
        (models / "grey").rename(models / ".last")
    (models / ".next").rename(models / "grey")
    shutil.rmtree(models / ".last", ignore_errors=True)


def swap_under_load(server: Server, models: Path, versions: Mapping[str, Path], swaps: int) -> tuple[Responses, Line]:
    """So many swaps of a service that is ready; what the clients got, and figures."""
    drawn = {
        version: Runtime(open_bundle(path), threads=1).generate(3, 0, IMAGES) for version, path in versions.items()
    }
    return asyncio.run(_swap(server, models, versions, drawn, swaps))


async def _swap(
    server: Server, models: Path, versions: Mapping[str, Path], drawn: Mapping[str, np.ndarray], swaps: int
) -> tuple[Responses, Line]:
    responses, seconds, resident = Responses(), [], []
    clients = [asyncio.create_task(_client(server.url, drawn, responses)) for _ in range(CLIENTS)]
    order = itertools.islice(itertools.cycle(versions), 1, swaps + 1)  # the first one is served already
    for version in order:
        begin_s = time.perf_counter()
        await asyncio.to_thread(put, versions[version], models)
        while responses.version != version and time.perf_counter() - begin_s < SWAP_TIMEOUT_S:
            await asyncio.sleep(0.01)
        assert responses.version == version, f"{version} is not drawn; the service printed:\n{server.log[-2000:]}"
        seconds.append(time.perf_counter() - begin_s)
        resident.append(server.resident_bytes())
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    warm = resident[min(50, swaps // 2)]
    figures = {"swaps": swaps, "seconds": median(seconds), "longest_s": max(seconds), "memory": resident[-1] / warm}
    return responses, figures


async def _client(url: str, drawn: Mapping[str, np.ndarray], responses: Responses) -> None:
    """One request after another; each answer is compared with what its version draws."""
    while True:
        connection = await Connection.open(url)
        try:
            while True:
                _compare(await connection.request(REQUEST), drawn, responses)
                await asyncio.sleep(PAUSE_S)
        except (ClientError, OSError) as error:
            responses.failed.append(repr(error))
        finally:
            await connection.close()


def _compare(response: Response, drawn: Mapping[str, np.ndarray], responses: Responses) -> None:
    if response.status != 200:
        responses.failed.append(f"{response.status}: {response.body[:200]!r}")
        return
    version = response.headers["x-model-version"]
    responses.compared += 1
    responses.wrong += not np.array_equal(np.load(io.BytesIO(response.body)), drawn[version])
    responses.version = version


def measure(part: Part) -> Line:
    """One part."""
    with tempfile.TemporaryDirectory() as folder:
        versions, models = write_versions(Path(folder) / "versions"), Path(folder) / "models"
        models.mkdir()
        put(next(iter(versions.values())), models)
        with started(models, Path(folder) / "log", **SETTINGS) as server:
            server.wait_for("/readyz")
            responses, figures = swap_under_load(server, models, versions, SWAPS)
    return {"cell": part.name} | figures | asdict(responses)


def _parts() -> Iterator[Part]:
    return map(Part, range(PARTS))


def _as_markdown(lines: list[Line]) -> str:
    rows = [
        f"| {line['cell']} | {line['compared']:,} | {len(line['failed'])} | {line['wrong']} | {line['seconds']:.2f} | "
        f"{line['longest_s']:.2f} | {line['memory']:.3f} |"
        for line in lines
    ]
    head = "| | requests | failed | with a wrong byte | median s | longest s | memory at the end / after 50 |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


if __name__ == "__main__":
    fill(table_parser(__doc__).parse_args(), _parts(), measure, _as_markdown)
