"""`zoetrope shrink`: a model -> its next version, of half the bytes.

a person -> [shrink] -> exporter.shrink
"""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import errors_as_messages, print_bundle, print_plain
from training.cli.options import MODEL_HELP, REPLACE_HELP
from training.cli.show_plan import may_replace


def shrink(
    model: Annotated[Path, typer.Argument(help=MODEL_HELP)],
    out: Annotated[Path | None, typer.Option(help="The bundle to write.  (the next version of the model)")] = None,
    replace: Annotated[bool, typer.Option("--replace", help=REPLACE_HELP)] = False,
) -> None:
    """Halve a model: round its weights to float16 and keep the generator once. It draws as fast; evaluate it again."""
    with errors_as_messages():
        from training import api
        from training.replacement import WouldReplace

        try:
            shrunk = api.shrink(model, out, replace=replace)
        except WouldReplace as asked:
            if not may_replace(str(asked)):
                raise
            shrunk = api.shrink(model, out, replace=True)
        print_bundle(shrunk.bundle)
        print_plain(
            f"{shrunk.bytes_before / 1e6:.1f} MB before, {shrunk.bytes_now / 1e6:.1f} MB now; next to pictures of "
            f"{shrunk.version_before} the worst has {shrunk.worst_db:.1f} dB, the median {shrunk.median_db:.1f} dB"
        )
