"""`python -m training fit | judge | doctor | export`: the command line; `commands` holds what each of them does."""

import typer

from training.commands.doctor import doctor
from training.commands.export import export
from training.commands.fit import fit
from training.commands.judge import judge

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (fit, judge, doctor, export):
    app.command()(command)

if __name__ == "__main__":
    app()
