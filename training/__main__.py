"""`python -m training COMMAND`, the same as `zoetrope COMMAND`."""

from training.cli.app import app

if __name__ == "__main__":
    app(prog_name="zoetrope")
