"""`python -m training COMMAND`: `commands` holds what each does."""

import typer

from training.cli.compare import compare
from training.cli.compare_engines import race
from training.cli.doctor import doctor
from training.cli.evaluate import judge
from training.cli.export import export
from training.cli.fit import fit
from training.cli.profile import speed
from training.cli.simulate import rehearse

app = typer.Typer(help="Learn to draw from pictures.", no_args_is_help=True, pretty_exceptions_enable=False)
for command in (fit, judge, rehearse, compare, doctor, speed, race, export):
    app.command()(command)

if __name__ == "__main__":
    app()
