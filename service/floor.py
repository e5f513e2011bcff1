"""The floor under the service: codes, engine and encoder in one thread, with no HTTP around them.

    python -m service.floor mnist --format zip --n 1024 --seconds 3

    models, address, encoders -> [floor] -> one line of JSON: images, CPU seconds, seconds

What the service takes beyond this is what serving costs; `load` measures both in
the same run. Begins to count when the model is warm, and counts whole answers.
"""

import argparse
import json
import time

from models.bundle import open_bundle
from models.runtime import Runtime
from service.encoders import encode_sheet, stream_of
from service.formats import Format
from service.latents import resolve_address
from service.registry import load_runtime
from service.schemas import GenerateRequest
from service.settings import read_settings


def answer_bytes(runtime: Runtime, n: int, chosen: Format) -> int:
    """Draw and encode n pictures of a fresh seed, as an answer would have them; the bytes of that answer."""
    address = resolve_address(GenerateRequest(n=n), runtime)
    if chosen.is_one_picture:
        return len(encode_sheet(runtime.draw(*address.codes(runtime, 0, n)), chosen))
    shape = runtime.card.image
    stream = stream_of(chosen, address, (shape.height, shape.width, shape.channels))
    batch = runtime.batch_sizes[-1]
    parts = (address.codes(runtime, at, min(batch, n - at)) for at in range(0, n, batch))
    pieces = (stream.add(runtime.draw(*part)) for part in parts)
    return len(stream.begin()) + sum(map(len, pieces)) + len(stream.end())


def main() -> None:
    """Make the same answer for some time, and say what that took."""
    asked = _arguments()
    settings = read_settings()
    runtime = load_runtime(open_bundle(settings.models / asked.model), settings)
    answer_bytes(runtime, asked.n, asked.format)
    images, cpu_s, begin_s = 0, time.process_time(), time.perf_counter()
    while (wall_s := time.perf_counter() - begin_s) < asked.seconds:
        answer_bytes(runtime, asked.n, asked.format)
        images += asked.n
    print(json.dumps({"images": images, "cpu_s": time.process_time() - cpu_s, "wall_s": wall_s}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m service.floor", description="Codes, engine and encoder alone.")
    parser.add_argument("model", help="a folder in models/")
    parser.add_argument("--format", type=Format, default=Format.ZIP)
    parser.add_argument("--n", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
