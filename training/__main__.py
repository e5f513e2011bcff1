"""`python -m training fit | judge | rehearse | compare | doctor | export`: `commands` holds what each does."""

import typer

from training.commands.compare import compare
from training.commands.doctor import doctor
from training.commands.export import export
from training.commands.fit import fit
from training.commands.judge import judge
from training.commands.rehearse import rehearse

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (fit, judge, rehearse, compare, doctor, export):
    app.command()(command)

if __name__ == "__main__":
    app()
