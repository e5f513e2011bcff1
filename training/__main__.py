"""`python -m training COMMAND`: `commands` holds what each does."""

import typer

from training.commands.compare import compare
from training.commands.doctor import doctor
from training.commands.export import export
from training.commands.fit import fit
from training.commands.judge import judge
from training.commands.race import race
from training.commands.rehearse import rehearse
from training.commands.speed import speed

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (fit, judge, rehearse, compare, doctor, speed, race, export):
    app.command()(command)

if __name__ == "__main__":
    app()
