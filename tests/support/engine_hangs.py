"""50 planted hangs of the engine thread under load: `PYTHONPATH=.:tests nice python -m support.engine_hangs`.

What `python -m load.stress hang` does to the event loop, with the service of `support.hanging`.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from load.bench.sampler import ProcessTree
from load.check_result import exit_code, print_results
from load.server import running_server, served_model, wait_until_warm
from load.stress.crash import strike
from load.stress.harness import Target

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bentoml", "serve", "support.hanging:Zoetrope", "--host", "127.0.0.1")


def main() -> int:
    """0 if all is as expected."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hangs", type=int, default=50)
    parser.add_argument("--model", default="mnist")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests"))),
            "ZOETROPE_GRADES": f"sqlite:///{folder}/grades.db",
        }
        log = Path(os.environ.get("STRESS_LOG", f"{folder}/log"))
        with running_server((*COMMAND, "--port", "{port}"), "/readyz", log, environment) as (url, process):
            wait_until_warm(url)
            target = Target(url, ProcessTree(process.pid), given.model, served_model(url, given.model).batch_sizes[-1])
            results = strike(target, given.hangs, signal.SIGUSR1)
    print_results(results)
    return exit_code(results)


if __name__ == "__main__":
    sys.exit(main())
