"""`python -m training fit | doctor | judge | export`: this room's command line; `commands` holds what each does."""

import typer

from training.commands.doctor import doctor
from training.commands.export import export
from training.commands.fit import fit

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (fit, doctor, export):
    app.command()(command)

if __name__ == "__main__":
    app()
