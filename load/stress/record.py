"""What was found, kept in a folder: one file of results and one of what was printed, for each experiment.

    an experiment -> [record] -> FOLDER/NAME.json, FOLDER/NAME.txt

An experiment that has its results there is not run again, so a long campaign can be stopped at any moment and gone on
with. Those that failed are there too: delete a file to run its experiment again.
"""

import io
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from load.check_result import CheckResult, print_results
from load.server import usable_cores


def recorded(folder: Path | None, name: str, run: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    """The results of an experiment, printed: those of before where the folder has them, else those of now.

    Args:
        folder: where results are kept; None: nowhere.
        name: of the experiment, and of its files.
        run: does it.
    """
    if folder is None:
        results = run()
        print_results(results)
        return results
    path = folder / f"{name}.json"
    if path.exists():
        results = [CheckResult(**one) for one in json.loads(path.read_text())["results"]]
        print(f"{name} was run before ({path}):", flush=True)
        print_results(results)
        return results
    folder.mkdir(parents=True, exist_ok=True)
    begin_s = time.monotonic()
    with (folder / f"{name}.txt").open("w") as said, redirect_stdout(_Both(sys.stdout, said)):
        results = run()
        print_results(results)
    found = {
        "name": name,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - begin_s, 1),
        "machine": f"{usable_cores()} cores, {platform.machine()}",
        "load_average": os.getloadavg(),
        "results": [asdict(one) for one in results],
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    return results


class _Both(io.TextIOBase):
    """What is printed goes to both."""

    def __init__(self, *files: TextIO) -> None:
        self._files = files

    def write(self, text: str) -> int:
        """Called by print."""
        for file in self._files:
            file.write(text)
        return len(text)

    def flush(self) -> None:
        """Called by print."""
        for file in self._files:
            file.flush()
