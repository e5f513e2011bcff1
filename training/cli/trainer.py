"""`zoetrope trainer`: next to a service, it trains what people ask for on the page.

a person -> [trainer] -> trainer (loop) -> plan -> models/<name>/
"""

import signal
from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import errors_as_messages, print_plain
from training.cli.options import CheckpointOption, CompiledOption, ComputeThreadsOption, DeviceOption
from training.cli.show_plan import plan_lines
from training.config import CHECKPOINT_SECONDS

LeaseOption = Annotated[
    float, typer.Option(min=1, help="Another trainer may take what this one has, so long after its last word.")
]


def trainer(
    service: Annotated[str, typer.Option(help="The address of the service.")] = "http://localhost:3000",
    key_file: Annotated[
        Path | None, typer.Option(help="A file with a key of the scopes rate and admin.  (ZOETROPE_CLIENT_KEY)")
    ] = None,
    pictures: Annotated[
        list[str] | None,
        typer.Option(help="MODEL=PICTURES, or PICTURES of every model.  (those that the model's run in runs/ names)"),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Train what comes first, and end.")] = False,
    lease_seconds: LeaseOption = 60.0,
    device: DeviceOption = "auto",
    threads: ComputeThreadsOption = None,
    compiled: CompiledOption = None,
    checkpoint_seconds: CheckpointOption = CHECKPOINT_SECONDS,
) -> None:
    """Train the rounds and runs that people ask for on the page, one after another, and write the models into
    ZOETROPE_MODELS (./models), the folder that the service serves. Runs learn from folders in ZOETROPE_PICTURES."""
    with errors_as_messages():
        from training.options import ComputeOptions
        from training.trainer.place import Place, only_trainer
        from training.trainer.service_client import ServiceClient, use_key_file

        if key_file is not None:
            use_key_file(key_file)
        place = Place.here(pictures or ())
        with only_trainer(place.runs) as name:
            from training.trainer.loop import Trainer

            signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is under way is given back
            with ComputeOptions(device, threads, compiled, checkpoint_seconds).context() as context:
                client = ServiceClient(service)
                Trainer(client, name, place, context, plan_lines, print_plain, lease_seconds).run(once)
