"""`python -m training fit | judge | export`: the command line of this room; `commands` holds what each does."""

import typer

from training.commands.export import export
from training.commands.fit import fit

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (fit, export):
    app.command()(command)

if __name__ == "__main__":
    app()
