"""The application: every command by its name, and the names that commands had before.

zoetrope.py, __main__ -> [app] -> one module a command
"""

import sys
from collections.abc import Sequence
from typing import Any, cast

import typer
from typer.core import TyperGroup

from models.command_line import usage_error
from training.cli.compare import compare
from training.cli.console import print_renamed
from training.cli.doctor import doctor
from training.cli.evaluate import evaluate
from training.cli.export import export
from training.cli.finetune import finetune
from training.cli.fit import fit
from training.cli.profile import profile
from training.cli.shrink import shrink
from training.cli.simulate import simulate
from training.cli.trainer import trainer

RENAMED = {"judge": "evaluate", "rehearse": "simulate", "speed": "profile", "race": "profile"}
"""Old name -> new name. An old one still runs, and is in no help."""


_UsageError = cast("type[Exception]", typer.BadParameter.__base__)
"""click's own, or that of typer's copy of click: both have `ctx` and `format_message`."""


class _Commands(TyperGroup):
    """Commands that are also found by their old names."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Called by click with the words of the command line."""
        if args and (new := RENAMED.get(args[0])):
            print_renamed(args[0], new)
            args = [new, *args[1:]]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands, help="Train generators on pictures.", no_args_is_help=True, pretty_exceptions_enable=False
)
for command in (fit, finetune, evaluate, compare, simulate, doctor, export, shrink, profile, trainer):
    app.command()(command)


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status: 2 where its arguments are not those that it takes."""
    try:
        return int(app([*argv] or ["--help"], prog_name="zoetrope", standalone_mode=False) or 0)
    except _UsageError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "zoetrope"
        print(f"error: {usage_error(error.format_message(), command)}", file=sys.stderr)  # type: ignore[attr-defined]
        return 2
    except typer.Abort:  # a question was left without an answer
        print("Stopped. Nothing was done.", file=sys.stderr)
        return 1
